// Package telemetry says how a service is: Prometheus metrics, health and readiness, and
// OpenTelemetry traces.
//
// It imports none of the rooms that it reports on, and they don't import it: each declares the
// few methods that it calls, in types of the language alone, and a [Metrics] or a [Tracer] has
// them. So worker.Meter is met by [Metrics.Worker], and the Span functions of lead and job by
// [Tracer.Span]. What is known elsewhere already, such as the jobs by state, is asked for when
// the metrics are read. Labels are bounded: none is a job's, a user's or a record's.
//
// A nil [Tracer] traces nothing and costs nothing. Start reading at [New].
package telemetry
