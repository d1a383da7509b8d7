package bus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// syncGather is how long the servers' answers are waited for behind the first one, of which
// nobody says how many there will be.
const syncGather = 500 * time.Millisecond

// checkSync finds out when what is acknowledged is on the disk, and says what that means.
func (r *Report) checkSync(ctx context.Context, n Needs) {
	known := n.Sync
	if n.System != nil {
		worst, servers, err := n.System.syncModes(ctx)
		if err != nil {
			r.find(Warn, "connect with the seed of the system account", "the servers do not say when they force what they store to disk: %v", err)
			return
		}
		known, r.Servers = worst, servers
	}
	const power = "set sync_interval: always, or ask for 3 replicas on machines that do not lose power together"
	switch {
	case known == nil:
		who := "a power failure"
		if n.Replicas > 1 {
			who = "machines that lose power together"
		}
		r.find(Warn, "give the coordinator --nats-system-nkey, the system.nk of sluice nats setup: only the system account is told; or see that the server's configuration has sync_interval: always, as that command writes it",
			"when the server forces to disk what it acknowledges can't be asked from here: without sync_interval: always %s may lose the last %v of it", who, defaultSync)
	case known.Always:
		r.Sync = "all that is acknowledged is on the disk"
	default:
		every := known.Every
		if every == 0 {
			every = defaultSync
		}
		r.Sync = "what is acknowledged is written at once and forced to disk every " + every.String()
		if n.Replicas == 1 {
			r.find(Warn, power, "a power failure may lose what was acknowledged in the last %v; a killed process loses nothing", every)
		}
	}
}

// syncModes asks all servers, and returns the mode of the one that syncs least.
func (c *Conn) syncModes(ctx context.Context) (worst *Sync, servers int, err error) {
	inbox := c.nc.NewInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, 0, wireError(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := c.nc.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte(`{"config":true}`)); err != nil {
		return nil, 0, wireError(err)
	}
	m, err := sub.NextMsg(dialTimeout)
	if noResponders(err) {
		return nil, 0, errors.New("this is not a connection to the system account")
	}
	end := time.Now().Add(syncGather)
	for ; err == nil && ctx.Err() == nil; m, err = sub.NextMsg(time.Until(end)) {
		if s := syncOf(m); s != nil {
			servers++
			if worst == nil || worst.Always || !s.Always && s.Every > worst.Every {
				worst = s
			}
		}
	}
	if worst == nil {
		return nil, 0, wireError(cmp.Or(err, nats.ErrTimeout))
	}
	return worst, servers, nil
}

// syncOf reads one server's answer; nil is one without JetStream.
func syncOf(m *nats.Msg) *Sync {
	var answer struct {
		Data struct {
			Disabled bool `json:"disabled"`
			Config   struct {
				Every  time.Duration `json:"sync_interval"`
				Always bool          `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	if json.Unmarshal(m.Data, &answer) != nil || answer.Data.Disabled {
		return nil
	}
	return &Sync{Always: answer.Data.Config.Always, Every: answer.Data.Config.Every}
}
