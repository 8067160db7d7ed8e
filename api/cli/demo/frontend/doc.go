// Package frontend is the smallest front end there is: it takes all that a pool calls back, verifies it by the secret that the
// pool gave it, and shows the last of it on a page. The demo has one, so that one sees what arrives.
//
// It never calls anybody, and keeps nothing of what it is told but when it came, what kind it was, which meeting it was about and
// whether it was signed as it should be.
package frontend
