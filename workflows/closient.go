package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// closient follows Closient's "Upload product image": one POST that makes an
// image each time. It is never repeated blindly, so the product's images are
// listed before it, and after a lost answer again; and one POST at a time goes
// to a product, so that a new image there is this one.
func closient(ctx workflow.Context, r *run) (upload.Media, error) {
	if err := r.acquireSerial(ctx); err != nil {
		return upload.Media{}, err
	}
	defer r.releaseSerial(ctx)
	// List product images: what was there before.
	session, err := r.prepare(ctx, nil, "")
	if err != nil {
		return upload.Media{}, err
	}
	// Upload product image.
	receipt, err := r.transfer(ctx, session, r.closientFind(session))
	if err != nil {
		if ctx.Err() != nil {
			r.note("canceled while the image was sent: the vendor may have made it")
		}
		return upload.Media{}, err
	}
	return *receipt.Media, nil
}

// closientFind looks for the image of a POST whose answer was lost: after two
// seconds, and where there is none, after five more. Only then may it be sent
// again. What cannot be told waits for a person.
func (r *run) closientFind(session upload.Session) search {
	return func(ctx workflow.Context, lost *upload.Error) (*upload.Receipt, error) {
		if err := rest(ctx, settleFirst, "before looking for the image"); err != nil {
			return nil, err
		}
		for look := 1; ; look++ {
			settled, err := r.settle(ctx, session)
			switch {
			case err != nil:
				return nil, unconfirmed(lost, err)
			case settled.Doubt != "":
				return nil, upload.Errorf(upload.KindUnconfirmed, upload.StepTransfer, "%s; %s", lost.Message, settled.Doubt)
			case settled.Media != nil:
				r.note(settled.Note)
				return &upload.Receipt{Media: settled.Media}, nil
			case look == 2:
				return nil, nil
			}
			if err := rest(ctx, settleSecond, "before looking once more"); err != nil {
				return nil, err
			}
		}
	}
}

// settle asks the vendor what became of a POST.
func (r *run) settle(ctx workflow.Context, session upload.Session) (upload.Settled, error) {
	var settled upload.Settled
	err := r.try(ctx, step{
		step: upload.StepPoll, activity: upload.ActivitySettle,
		options: func() workflow.ActivityOptions { return control("look for the image at " + r.item.Account) },
	}, upload.Settle{Item: r.item, Content: r.content, Session: session}, &settled)
	return settled, err
}

// unconfirmed is a lost answer that could not be looked up. A cancellation stays
// one.
func unconfirmed(lost *upload.Error, err error) error {
	var e *upload.Error
	if !asError(err, &e) {
		return err
	}
	out := upload.Errorf(upload.KindUnconfirmed, upload.StepTransfer, "%s; looking for the image: %s", lost.Message, e.Message)
	out.Status, out.RequestID = lost.Status, lost.RequestID
	return out
}

// acquireSerial waits until no other POST to the product is under way.
func (r *run) acquireSerial(ctx workflow.Context) error {
	r.await(ctx, "other images of the product")
	ctx = workflow.WithActivityOptions(ctx, waiting("one image of a product at a time"))
	err := workflow.ExecuteActivity(ctx, upload.ActivityAcquireSerial, r.serialRequest(ctx)).Get(ctx, nil)
	r.await(ctx, "")
	return err
}

// releaseSerial lets the next one in, however this one ended.
func (r *run) releaseSerial(ctx workflow.Context) {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	free = workflow.WithActivityOptions(free, books("let the next image in"))
	if err := workflow.ExecuteActivity(free, upload.ActivityReleaseSerial, r.serialRequest(ctx)).Get(free, nil); err != nil {
		r.note("the product's lane was not left: " + err.Error())
	}
}

func (r *run) serialRequest(ctx workflow.Context) upload.SerialRequest {
	return upload.SerialRequest{
		Key: r.terms.SerialKey, Last: r.terms.Last,
		UploadID: r.item.UploadID, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
	}
}
