package audit

import (
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// sayEvery is how often a lasting outage of the store is logged.
const sayEvery = time.Minute

// outage is a time in which the store takes nothing, such as while a cluster elects. It is
// logged when it begins, now and then, and when it is over: not with each try.
type outage struct {
	mu    sync.Mutex
	began time.Time // zero while the store answers; guarded by mu, as all below
	said  time.Time
	tries int // in vain
}

// again counts a try in vain. waiting is how many entries wait beside it.
func (o *outage) again(log hclog.Logger, err error, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.began.IsZero() {
		o.began = now
	}
	o.tries++
	if now.Sub(o.said) < sayEvery {
		return
	}
	o.said = now
	log.Warn("audit entries are not stored yet; they wait", "err", err, "waiting", waiting, "tries", o.tries, "for", now.Sub(o.began).Round(time.Second).String())
}

// over ends an outage, where there is one.
func (o *outage) over(log hclog.Logger) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.began.IsZero() {
		return
	}
	log.Info("audit entries are stored again", "tries", o.tries, "after", time.Since(o.began).Round(time.Millisecond).String())
	o.began, o.said, o.tries = time.Time{}, time.Time{}, 0
}
