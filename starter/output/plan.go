package output

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/batch"
)

// PlanRows are a plan for people: what it is about, then a line for each account.
func PlanRows(plan *batch.Plan) [][]string {
	rows := [][]string{
		{"manifest", plan.Manifest},
		{"sha256", plan.SHA256},
		{"rows", rowWords(plan)},
		{"bytes", bytesWords(plan.Bytes, plan.UnknownSize, plan.ToSend)},
		{"time", timeWords(plan)},
		{"temporal", plan.Actions.String()},
		{"duplicates", duplicateWords(plan)},
	}
	for _, d := range plan.Duplicates.Examples[:min(len(plan.Duplicates.Examples), 5)] {
		rows = append(rows, []string{"", fmt.Sprintf("%s to %s, lines %s", d.Source, d.Account, numbers(d.Lines))})
	}
	for _, one := range plan.Readers {
		if len(one.Workers) > 0 || one.Root != "/" { // else the command itself reads what its user can
			rows = append(rows, []string{"files", readerWords(one)})
		}
	}
	for _, one := range plan.Accounts {
		if one.Rows == 0 {
			continue
		}
		rows = append(rows, []string{""}, []string{"account", fmt.Sprintf("%s (%s)", one.Account, one.Vendor)})
		rows = append(rows, accountRows(one)...)
	}
	return rows
}

// readerWords says who reads the sources below a root.
func readerWords(one batch.RootReaders) string {
	text := fmt.Sprintf("%d below %s", one.Rows, one.Root)
	if one.Shared != "" {
		text += fmt.Sprintf(" (shared root %s)", one.Shared)
	}
	switch n := len(one.Workers); {
	case n == 0:
		return text + ": no running worker reads them; batch start --follow reads them itself"
	case n > 5:
		return fmt.Sprintf("%s: %d workers read them", text, n)
	}
	return fmt.Sprintf("%s: read by %s", text, strings.Join(one.Workers, ", "))
}

func accountRows(one batch.AccountPlan) [][]string {
	rate := "no request limit"
	if one.Rate > 0 {
		rate = fmt.Sprintf("%g requests per second", one.Rate)
	}
	if one.Floor > 0 {
		rate += ", at least " + floorWords(one.Floor)
	}
	calls := fmt.Sprintf("prepare %d, transfer %d", one.Calls.Prepare, one.Calls.Transfer)
	if one.Calls.Complete > 0 {
		calls += fmt.Sprintf(", complete %d", one.Calls.Complete)
	}
	if one.Calls.Poll > 0 {
		calls += fmt.Sprintf(", poll %d", one.Calls.Poll)
	}
	rows := fmt.Sprintf("%d: %d grouped, %d single, %d delivered before", one.Rows, one.Packed, one.Own, one.Known)
	if one.Converted > 0 {
		rows += fmt.Sprintf("; %d will be converted to JPEG", one.Converted)
	}
	return [][]string{
		{"  rows", rows},
		{"  bytes", bytesWords(one.Bytes, one.UnknownSize, one.Rows-one.Known)},
		{"  calls", "at least " + calls},
		{"  pace", rate},
	}
}

func rowWords(plan *batch.Plan) string {
	if plan.Whole {
		return fmt.Sprintf("%d: none to send, because of a problem in line 1", plan.Rows)
	}
	text := fmt.Sprintf("%d: %d to send", plan.Rows, plan.ToSend)
	for _, one := range []struct {
		n    int64
		word string
	}{{plan.Known, "delivered before"}, {plan.Refused, "refused"}} {
		if one.n > 0 {
			text += fmt.Sprintf(", %d %s", one.n, one.word)
		}
	}
	return text
}

func bytesWords(n, unknown, of int64) string {
	switch {
	case of == 0:
		return "none"
	case unknown == of:
		return "unknown until the sources are opened"
	case unknown > 0:
		return fmt.Sprintf("%s, plus %d rows of unknown size", Size(n), unknown)
	}
	return Size(n)
}

// timeWords is the least time that the limits leave, and which account sets it.
func timeWords(plan *batch.Plan) string {
	if plan.Floor == 0 {
		return "no rate limit applies; the line and the vendors set the time"
	}
	text := "at least " + floorWords(plan.Floor)
	for _, one := range plan.Accounts {
		if one.Floor == plan.Floor {
			return text + ", because " + one.Pace
		}
	}
	return text
}

func floorWords(seconds float64) string {
	return (time.Duration(seconds*10) * time.Second / 10).Round(time.Second / 10).String()
}

func duplicateWords(plan *batch.Plan) string {
	d := plan.Duplicates
	switch {
	case plan.ToSend == 0:
		return "not compared, because no row will be sent"
	case d.Compared == 0:
		return "not compared, because no row has its source on this host"
	case d.Rows == 0:
		return fmt.Sprintf("none among the %d rows on this host", d.Compared)
	case d.Rows == 1:
		return "1 row has the same content as an earlier row for the same account, " + Size(d.Bytes)
	}
	return fmt.Sprintf("%d rows have the same content as earlier rows for the same account, %s", d.Rows, Size(d.Bytes))
}

func numbers(all []int) string {
	texts := make([]string, len(all))
	for i, n := range slices.Sorted(slices.Values(all)) {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// Sample says what came of opening some sources.
func (c Console) Sample(s *batch.Sample) error {
	if s == nil {
		return nil
	}
	_, err := fmt.Fprintf(c.Out, "\nsources: %d opened, %d usable, %s on average\n", s.Looked, s.Good, Size(s.MeanBytes))
	if err == nil && s.Unseen > 0 {
		_, err = fmt.Fprintf(c.Out, "%d more sources did not answer in time\n", s.Unseen)
	}
	return err
}
