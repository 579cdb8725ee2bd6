package egress

import "net/http"

// StatusClientClosed is what some proxies answer when the side that asked has gone.
// What stands behind them may have heard the request.
const StatusClientClosed = 499

// MayPass reports whether a status says nothing of the request: it comes from what
// lies between, is about this connection only, or says that the other side cannot
// answer now. The same request may be answered later.
func MayPass(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, StatusClientClosed:
		return true
	}
	return status >= 500
}
