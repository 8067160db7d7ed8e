package backup

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// sealedMagic begins what age has encrypted.
const sealedMagic = "age-encryption.org/v1"

// ErrSealed is for a file that is encrypted where nobody has said with which key it can be read.
var ErrSealed = errors.New("the backup is encrypted: name the file with the key by --identity")

// damaged tells whether an error says that the content is not what was written.
func damaged(err error) bool {
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return true
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return true
	}
	return strings.Contains(err.Error(), "failed to decrypt and authenticate") // age has no value for it
}

// Recipients reads the names of those that a file can be encrypted to, as age-keygen prints them: age1….
func Recipients(names []string) (list []age.Recipient, err error) {
	for _, name := range names {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("recipient %.80q: want a public key of age, as age1…, which age-keygen prints", name)
		}
		list = append(list, r)
	}
	return list, nil
}

// Identities reads the keys in a file, as age-keygen writes it.
func Identities(path string) ([]age.Identity, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	list, err := age.ParseIdentities(io.LimitReader(file, 1<<20))
	if err != nil { // the error might have a piece of the key in it
		return nil, fmt.Errorf("%s: want a file with a key of age, as age-keygen writes it", path)
	}
	return list, nil
}

// Seal returns what encrypts to recipients and writes to w; without any it is w itself. The file is whole once it is closed.
func Seal(w io.Writer, recipients []age.Recipient) (io.WriteCloser, error) {
	if len(recipients) == 0 {
		return unsealed{w}, nil
	}
	return age.Encrypt(w, recipients...)
}

type unsealed struct{ io.Writer }

func (unsealed) Close() error { return nil }

// Unseal returns the content of a file, encrypted or not.
func Unseal(r io.Reader, identities []age.Identity) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	begin, err := in.Peek(len(sealedMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case !bytes.Equal(begin, []byte(sealedMagic)):
		return in, nil
	case len(identities) == 0:
		return nil, ErrSealed
	}
	content, err := age.Decrypt(in, identities...)
	if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
		return nil, errors.New("the backup is encrypted to others: none of the keys that were given opens it")
	}
	if err != nil {
		return nil, broken("its encryption cannot be read: %v", err)
	}
	return content, nil
}
