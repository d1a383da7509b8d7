//go:build linux

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sluice/internal/bus"
	"sluice/recipe"
)

// stands tells what the servers have of a job that is stuck: of each stream where it begins and ends,
// and what its consumers were given, have in hand and wait for.
func (c *cluster) stands(ctx context.Context, id recipe.JobID) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	streams, err := c.conn.Streams(ctx, bus.Names{Job: id}.Prefix())
	if err != nil {
		return fmt.Sprintf("  its streams can't be listed: %v\n", err)
	}
	var b bytes.Buffer
	for _, s := range streams {
		state, err := c.conn.StreamState(ctx, s)
		fmt.Fprintf(&b, "  %s: %+v %v\n", s, state, err)
		data, err := c.conn.Request(ctx, "$JS.API.CONSUMER.LIST."+s, nil)
		var list struct {
			Consumers []struct {
				Name      string          `json:"name"`
				Delivered json.RawMessage `json:"delivered"`
				Floor     json.RawMessage `json:"ack_floor"`
				InHand    int             `json:"num_ack_pending"`
				Again     int             `json:"num_redelivered"`
				Waiting   int             `json:"num_waiting"`
				Pending   int             `json:"num_pending"`
				Cluster   json.RawMessage `json:"cluster"`
			} `json:"consumers"`
			Missing json.RawMessage `json:"missing"`
		}
		if err == nil {
			err = json.Unmarshal(data, &list)
		}
		if err != nil || len(list.Missing) > 0 {
			fmt.Fprintf(&b, "    consumers: missing %s, %v\n", list.Missing, err)
		}
		for _, k := range list.Consumers {
			fmt.Fprintf(&b, "    %s: delivered %s, floor %s, %d in hand, %d again, %d requests, %d pending; %s\n", k.Name, k.Delivered, k.Floor, k.InHand, k.Again, k.Waiting, k.Pending, k.Cluster)
		}
	}
	return b.String()
}
