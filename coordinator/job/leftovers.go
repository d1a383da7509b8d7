package job

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/bus"
	"sluice/recipe"
)

// Leftovers removes the records, with the streams, of jobs that deleted tells to be deleted: a server
// of one replica that was killed may bring a record back when it starts, as of a job that runs.
// Workers that are at such a job are told that it is over. It returns the jobs, and may be called
// again after an error. It is for the coordinator that leads: nobody else begins jobs.
func Leftovers(ctx context.Context, conn *bus.Conn, deleted func(recipe.JobID) (bool, error)) (removed []recipe.JobID, err error) {
	var found []*bus.Stored
	err = conn.Scan(ctx, bus.JobsStream, bus.JobsFilter, 0, func(m *bus.Stored) error {
		gone, err := deleted(bus.JobOf(m.Subject))
		if gone {
			found = append(found, m)
		}
		return err
	})
	if errors.Is(err, bus.ErrNoStream) {
		return nil, nil
	}
	if err != nil || len(found) == 0 {
		return nil, err
	}
	pub, err := conn.NewPublisher()
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		id := bus.JobOf(m.Subject)
		if err := cancelled(ctx, pub, m); err != nil {
			if errors.Is(err, bus.ErrConflict) { // somebody has it in hand
				continue
			}
			return removed, fmt.Errorf("end job %s, which is deleted: %w", id, err)
		}
		if err := Remove(ctx, conn, id); err != nil {
			return removed, err
		}
		removed = append(removed, id)
	}
	return removed, nil
}

// cancelled ends a job in its record, where that says that it has not ended. What does not decode is
// heeded by no worker.
func cancelled(ctx context.Context, pub *bus.Publisher, m *bus.Stored) error {
	var rec bus.JobRecord
	if bus.DecodeRecord(m.Data, &rec) != nil || rec.State.Final() {
		return nil
	}
	rec.State = recipe.JobCancelled
	data, err := bus.EncodeRecord(&rec)
	if err != nil {
		return err
	}
	return pub.PutSync(ctx, bus.Put{Subject: m.Subject, Data: data, ExpectSubjectSeq: &m.Seq}).Err
}
