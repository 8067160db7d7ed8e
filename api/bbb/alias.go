package bbb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

// maxMeetingID is the length of the longest meeting ID, in characters (BigBlueButton's API, shared validation rules).
const maxMeetingID = 256

// Alias is the ID by which servers know a meeting of a tenant, so that two tenants may both have a room-1. It begins with the
// tenant and a character that no tenant's ID has; one that would be too long has a hash behind it.
func Alias(tenant, meetingID string) string {
	if alias := tenant + "_" + meetingID; utf8.RuneCountInString(alias) <= maxMeetingID {
		return alias
	}
	return HashedAlias(tenant, meetingID, "")
}

// HashedAlias is an alias of a fixed length. With another nonce it is another one.
func HashedAlias(tenant, meetingID, nonce string) string {
	sum := sha256.Sum256([]byte(nonce + "\x00" + meetingID))
	return tenant + "_" + hex.EncodeToString(sum[:20])
}

// Restore gives a server's answer about a meeting the front end's ID back, byte for byte, in the place of its alias, and
// takes what is ours out of its metadata. Without an alias it takes that out alone. What it does not know it leaves as it is.
func Restore(body []byte, alias, meetingID string) []byte {
	if alias == "" {
		return body
	}
	return bytes.ReplaceAll(body, []byte("<meetingID>"+alias+"</meetingID>"), []byte("<meetingID>"+meetingID+"</meetingID>"))
}
