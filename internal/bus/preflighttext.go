package bus

import "fmt"

// Fields are what the server will keep, as names and values in turn, for a log.
func (r *Report) Fields() []any {
	var all []any
	if r.URL != "" {
		all = append(all, "url", r.URL)
	}
	all = append(all, "version", r.Version)
	if r.Cluster != "" {
		all = append(all, "cluster", r.Cluster)
	}
	all = append(all, "replicas", r.replicas(), "sync", r.Sync, "max_payload", r.MaxPayload)
	if !r.JetStream {
		return all
	}
	return append(all, "max_file", bound(r.Limits.Store), "file", r.Limits.StoreUsed, "max_memory", bound(r.Limits.Memory), "memory", r.Limits.MemoryUsed,
		"max_streams", bound(int64(r.Limits.Streams)), "streams", r.Limits.StreamsUsed, "max_consumers", bound(int64(r.Limits.Consumers)))
}

// replicas is how many streams have, or what is wanted and what there is.
func (r *Report) replicas() string {
	switch {
	case r.Replicas > 0:
		return fmt.Sprint(r.Replicas)
	case !r.few:
		return fmt.Sprintf("%d wanted, and whether they can be had is not known", r.Wanted)
	case r.Cluster == "":
		return fmt.Sprintf("%d wanted, and there is 1 server", r.Wanted)
	case r.Servers > 0:
		return fmt.Sprintf("%d wanted, and there are %d servers with JetStream", r.Wanted, r.Servers)
	}
	return fmt.Sprintf("%d wanted, and cluster %s has fewer servers with JetStream and room", r.Wanted, r.Cluster)
}

func bound(n int64) string {
	if n < 0 {
		return "unbounded"
	}
	return fmt.Sprint(n)
}
