package simulator

import "crypto/rand"

// The alphabets of what BigBlueButton makes up.
const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" // passwords, secrets
	lowercase    = "abcdefghijklmnopqrstuvwxyz0123456789"                           // users, tokens
	decimal      = "0123456789"                                                     // voice bridges
)

// randomText returns n characters of an alphabet that cannot be guessed.
func randomText(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}
