package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/bbbpool/bbbpool/store"
)

// Read reads a file to its end, and calls each, if there is one, with every row in its order. Only when it returns without an
// error was the file whole: what each was given before that may be part of anything. Rows are the callee's until it returns,
// and its error is returned as it is. The error is [ErrBroken] where the file is none, or not as it was written, and
// [store.ErrNewerSchema] where a newer version has made it.
func Read(ctx context.Context, r io.Reader, each func(store.Row) error) (Manifest, error) {
	in, err := open(r)
	if err != nil {
		return Manifest{}, err
	}
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return in.manifest, ctx.Err()
		}
		letter, body, err := in.frame()
		if err != nil {
			return in.manifest, err
		}
		over := false
		switch letter {
		case frameRow:
			err = in.row(body, each)
		case frameSum:
			err = in.sum(body)
		case frameEnd:
			over, err = true, in.end(body)
		default:
			err = broken("%s: an unknown frame %q", in.where(), letter)
		}
		if over || err != nil {
			return in.manifest, err
		}
	}
}

// reader reads frames, and knows where it is.
type reader struct {
	file     *bufio.Reader
	packed   *gzip.Reader
	buffer   *bufio.Reader
	digest   hash.Hash
	at       int64 // bytes, not compressed
	manifest Manifest
	counter  *Counter
	key      []byte // of the last row
	body     []byte
	seen     string // the digest of everything before the last frame
}

// open reads the line and the head.
func open(r io.Reader) (*reader, error) {
	in := &reader{file: bufio.NewReaderSize(r, 16<<10), digest: sha256.New()}
	line := make([]byte, len(magic))
	if _, err := io.ReadFull(in.file, line); err != nil {
		return nil, in.failed(err)
	} else if string(line) != magic {
		return nil, broken("it does not begin as a backup of bbbpool, or as one that this version can read")
	}
	packed, err := gzip.NewReader(in.file)
	if err != nil {
		return nil, in.failed(err)
	}
	packed.Multistream(false)
	in.packed, in.buffer = packed, bufio.NewReaderSize(packed, 16<<10)
	letter, body, err := in.frame()
	if err != nil {
		return nil, err
	}
	if letter != frameHead || json.Unmarshal(body, &in.manifest.Head) != nil {
		return nil, broken("it has no head")
	}
	return in, in.manifest.known()
}

// known tells whether a file is one that this version understands.
func (h Head) known() error {
	if h.Format > Format || h.Schema > store.Schema {
		return fmt.Errorf("%w: the backup has form %d and schema %d, this version knows up to %d and %d: use bbbpool %.50q",
			store.ErrNewerSchema, h.Format, h.Schema, Format, store.Schema, h.Version)
	}
	last := -1
	for _, kind := range h.Kinds {
		place := slices.Index(Kinds(), kind)
		if place <= last {
			return broken("its head names %.100q, which is no kind, or not in its place", kind)
		}
		last = place
	}
	return nil
}

// where says in words where the reader is.
func (in *reader) where() string {
	what := "at its beginning"
	if kinds := in.manifest.Kinds; len(in.manifest.Sums) < len(kinds) {
		n := 0
		if in.counter != nil {
			n = in.counter.sum.Rows
		}
		what = fmt.Sprintf("in the records of %s, behind %d of them", kinds[len(in.manifest.Sums)], n)
	} else if len(kinds) > 0 {
		what = "behind all records"
	}
	return fmt.Sprintf("%s (byte %d)", what, in.at)
}

// frame reads a frame. The body is good until the next one.
func (in *reader) frame() (letter byte, body []byte, err error) {
	var head [5]byte
	if err := in.bytes(head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, broken("%s: a frame of %d bytes", in.where(), size)
	}
	// What a length promises is believed as it arrives, or a few bytes could ask for much memory.
	in.body = in.body[:0]
	for left := int(size); left > 0; {
		part := min(left, 1<<20)
		from := len(in.body)
		in.body = slices.Grow(in.body, part)[:from+part]
		if err := in.bytes(in.body[from:]); err != nil {
			return 0, nil, err
		}
		left -= part
	}
	if head[0] == frameEnd {
		in.seen = hex.EncodeToString(in.digest.Sum(nil))
	}
	_, _ = in.digest.Write(head[:]) // hashes never fail
	_, _ = in.digest.Write(in.body)
	return head[0], in.body, nil
}

func (in *reader) bytes(b []byte) error {
	n, err := io.ReadFull(in.buffer, b)
	in.at += int64(n)
	return in.failed(err)
}

// failed says of an error where it has come up. What is no fault of the file's content, as a disk that cannot be read or
// somebody who has given up, stays what it is.
func (in *reader) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return broken("it is cut off %s", in.where())
	case damaged(err):
		return broken("it is damaged %s: %v", in.where(), err)
	}
	return fmt.Errorf("read the backup %s: %w", in.where(), err)
}

// row reads a row.
func (in *reader) row(body []byte, each func(store.Row) error) error {
	kind, n := binary.Uvarint(body)
	if n <= 0 || kind != uint64(len(in.manifest.Sums)) || kind >= uint64(len(in.manifest.Kinds)) {
		return broken("%s: a row that is not in its place", in.where())
	}
	body = body[n:]
	size, n := binary.Uvarint(body)
	if n <= 0 || size > uint64(len(body)-n) {
		return broken("%s: a row whose key is longer than it", in.where())
	}
	body = body[n:]
	r := store.Row{Kind: in.manifest.Kinds[kind], Key: body[:size:size], Value: body[size:]}
	if in.counter == nil {
		in.counter, in.key = NewCounter(r.Kind), in.key[:0]
	} else if bytes.Compare(r.Key, in.key) <= 0 {
		return broken("%s: a row that is there twice, or out of its order", in.where())
	}
	in.key = append(in.key[:0], r.Key...)
	in.counter.Add(r)
	in.manifest.Rows++
	if each == nil {
		return nil
	}
	return each(r)
}

// sum compares what is said of a kind with what was read of it.
func (in *reader) sum(body []byte) error {
	if len(in.manifest.Sums) >= len(in.manifest.Kinds) {
		return broken("%s: the sum of a kind too many", in.where())
	}
	if in.counter == nil {
		in.counter = NewCounter(in.manifest.Kinds[len(in.manifest.Sums)])
	}
	var said Sum
	if err := json.Unmarshal(body, &said); err != nil || said != in.counter.Sum() {
		return broken("%s: they are not those that were written", in.where())
	}
	in.manifest.Sums = append(in.manifest.Sums, said)
	in.counter = nil
	return nil
}

// end compares what is said of the whole with what was read, and looks for more behind it.
func (in *reader) end(body []byte) error {
	var said end
	if err := json.Unmarshal(body, &said); err != nil || len(in.manifest.Sums) != len(in.manifest.Kinds) || in.counter != nil {
		return broken("%s: it ends too early", in.where())
	}
	if said.Rows != in.manifest.Rows || said.SHA256 != in.seen {
		return broken("%s: its digest is not the one of what was written", in.where())
	}
	in.manifest.SHA256 = in.seen
	var more [1]byte
	switch _, err := io.ReadFull(in.buffer, more[:]); {
	case err == nil:
		return broken("%s: something follows", in.where())
	case !errors.Is(err, io.EOF): // gzip's own sums
		return in.failed(err)
	}
	if _, err := in.file.ReadByte(); err == nil {
		return broken("%s: something follows", in.where())
	} else if !errors.Is(err, io.EOF) {
		return in.failed(err)
	}
	return nil
}
