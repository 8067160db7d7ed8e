package bbb

import "crypto/subtle"

// Moderator tells whether that is the moderators' password of the meeting, as its server shows it, and whether the
// server does.
func (m Meeting) Moderator(password string) (right, known bool) {
	seen := Answer{body: m.Raw}.Get("moderatorPW")
	return subtle.ConstantTimeCompare([]byte(password), []byte(seen)) == 1, seen != ""
}
