// Package auth says who asks and what they may do: API keys, tokens of an identity provider
// (OpenID Connect), tickets for sockets, the table of permissions, and limits on rates.
//
// A key lives in the control plane of its project. Every coordinator follows that, so a check
// costs no request, and a coordinator that has lost touch with the store refuses instead of
// trusting what may have been revoked. Whatever the table of permissions does not name is
// refused.
//
// It knows nothing of HTTP, and it never logs a token. Start reading at [New].
package auth
