package main

// The text of docs/api.md that is written by hand.
const (
	apiHead = `<!-- Generated from the API's own description by ` + "`make generate`" + `; change that, or internal/docgen. -->

# The API

HTTP and JSON, below ` + "`/v1`" + `. ` + "`GET /v1/openapi.json`" + ` is the whole description (OpenAPI 3.1), with every field and bound;
it needs no key. The command line asks nothing else, by the Go package ` + "`sluice/client`" + `. Live events have
[a page of their own](events.md).

- **Who asks.** ` + "`Authorization: Bearer KEY`" + `: an API key (` + "`sluice keys create`" + `) or a token of the identity provider. The key says
  which project is meant. One with ` + "`scopes`" + ` may do nothing but what they name of what its role may: each route has one.
- **Submitting safely.** With an ` + "`Idempotency-Key`" + ` the same submission may be sent again: the first answer is 201, later
  ones are 200 with the same job. Another body with the same key is refused (409). A retry and a replay of dead letters
  take a key, too. A deadline from now on is ` + "`deadline_in`" + `: a moment that is reckoned anew is another body.
- **Changing safely.** What is one thing (a job, a recipe, an artifact, a secret, a key) has an ` + "`ETag`" + `. With ` + "`If-Match`" + ` an order
  or a change is refused (412) if the thing was changed meanwhile; with ` + "`If-None-Match`" + ` an answer that is the same is 304. The
  progress of a job makes another answer, and is no change. Lists of kinds, recipes, workers, secrets and keys have one for that, too, and so
  has ` + "`openapi.json`" + `.
- **Compressed** with gzip are answers to who takes it, results among them; files, and what is followed while it comes, are not. The
  body of a request is sent as it is: one with a ` + "`Content-Encoding`" + ` is 415.
- **Lists** come in pages. ` + "`next`" + ` of one page is ` + "`after`" + ` of the next; the last has none.
- **Every answer** has an ` + "`X-Request-ID`" + `, that of the request where that has one. Answers come within 20 s; transfers and
  streams have bounds of their own. A key or a query parameter that a route does not know is refused.
- **Not now.** A 503, and a 429 for asking too often, says in ` + "`" + `Retry-After` + "`" + ` when to ask again. The Go client and the command line do so
  for 15 s in all, where a request may come twice. While no NATS server can be reached, what needs one is answered
  within 2 to 3 s, with a longer ` + "`" + `Retry-After` + "`" + `, which the client and the command line do not wait for: they say what is wrong.

## Submitting a job

With a cluster that runs here:

<!-- test: serve sluice is up -->
` + "```" + `sh
sluice up
` + "```" + `

a recipe is sent along as ` + "`" + `source` + "`" + `, or one that is saved is named, as ` + "`" + `"recipe": "NAME@VERSION"` + "`" + `; for that a key of
role operator will do. The answer is the job, with its ` + "`" + `id` + "`" + `:

<!-- test: script -->
` + "```" + `sh
key=$(sluice keys create curl --role author)
curl -sS --fail-with-body http://127.0.0.1:8420/v1/jobs \
  -H "Authorization: Bearer $key" -H "Content-Type: application/json" -H "Idempotency-Key: case-42-1" \
  -d '{"source": "recipe: some\nparams: {n: {type: int}}\nnodes:\n  n: {kind: integer_generator, config: {count: \"${n}\"}}\n  o: {kind: printer, from: n}\n",
       "params": {"n": 3}, "labels": {"case": "42"}, "priority": 1}'
` + "```" + `

## Routes

Roles cover those before them: viewer, operator, author, admin. A key with scopes needs that of the route, too.
`
	errorHead = `
## Errors

An error is ` + "`application/problem+json`" + ` (RFC 9457): ` + "`status`, `code`, `detail`" + ` for people, ` + "`hint`, `request_id`" + `, and
` + "`diagnostics` or `errors`" + ` where there are some. Scripts should look at ` + "`code`" + `. A wrong method is 405, with ` + "`Allow`" + `.

| code | status | meaning |
|---|---|---|
`
	oldHead = `
## The calls of the old engine

What the API of the older recipe engine did, and what does it now:

| old call | now | command |
|---|---|---|
`
)
