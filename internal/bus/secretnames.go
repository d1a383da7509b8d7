package bus

// SecretsAll matches the requests for secrets of all jobs.
const SecretsAll = "sluice.*.secret"

// Secrets is the subject on which a worker asks for the job's secrets. It is not stored.
func (n Names) Secrets() string { return n.subject("secret") }
