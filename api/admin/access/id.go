package access

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// id makes the ID of an entry: of entries of one time the one that was written first has the smaller one. Behind the number
// stands chance, so that two processes do not make the same.
func (l *Log) id() string {
	var chance [4]byte
	_, _ = rand.Read(chance[:]) // never fails
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	return fmt.Sprintf("%08x%s", l.last, hex.EncodeToString(chance[:]))
}
