package commands

import (
	"context"
	"fmt"
)

// notifications tells whether the webhook is told what it should be.
func (d *doctor) notifications(ctx context.Context) {
	const check = "notifications"
	to, err := d.Config.Notify()
	if err != nil {
		return // told with the configuration
	}
	counts, err := d.Ledger.Notices(ctx)
	switch {
	case err != nil:
		d.say(check, problem, err.Error(), "")
	case to.Webhook == "" && counts.Pending == 0:
		return // nobody wants any
	case to.Webhook == "":
		d.say(check, doubt, fmt.Sprintf("%d are waiting, but notify.webhook is not set", counts.Pending), "set notify.webhook")
	case counts.Failing > 0:
		d.say(check, doubt, fmt.Sprintf("%d were not delivered yet; the last attempt failed: %s", counts.Failing, counts.Last),
			"check the receiver and notify.webhook; each is repeated for a day")
	case counts.GivenUp > 0:
		d.say(check, doubt, fmt.Sprintf("%d were given up in the last 30 days; the last attempt failed: %s", counts.GivenUp, counts.Last),
			"check the receiver and notify.webhook; what was given up is not sent again")
	case counts.Pending > 0:
		d.say(check, fine, fmt.Sprintf("%d are about to be sent; %d were delivered in the last day", counts.Pending, counts.Sent), "")
	default:
		d.say(check, fine, fmt.Sprintf("%d were delivered in the last day", counts.Sent), "")
	}
}
