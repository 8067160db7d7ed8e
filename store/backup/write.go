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
	"github.com/bbbpool/bbbpool/store/mark"
)

// Write writes everything that is in the groups, one after the other: the State before the Index, so that a meeting that ends
// meanwhile is in one of them or in both, and never in neither. Of the head it fills in what the form says.
func Write(ctx context.Context, w io.Writer, head Head, state, index store.Whole) (Manifest, error) {
	head.Format, head.Schema, head.Kinds = Format, store.Schema, Kinds()
	if _, err := io.WriteString(w, magic); err != nil {
		return Manifest{}, err
	}
	packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is one
	out := &writer{buffer: bufio.NewWriterSize(packed, 64<<10), digest: sha256.New(), manifest: Manifest{Head: head}, kind: -1}
	out.json(frameHead, head)
	for _, group := range []store.Whole{state, index} {
		if err := group.Dump(ctx, out.row); err != nil {
			return Manifest{}, err
		}
	}
	out.upTo(len(head.Kinds))
	out.json(frameEnd, end{Rows: out.manifest.Rows, SHA256: out.seen()})
	err := errors.Join(out.failed, out.buffer.Flush(), packed.Close())
	return out.manifest, err
}

// writer writes frames. After an error it writes nothing.
type writer struct {
	buffer   *bufio.Writer
	digest   hash.Hash
	manifest Manifest
	kind     int // the one whose rows are being written, by its place in the head's list; -1 before the first
	counter  *Counter
	key      []byte // of the last row
	failed   error
}

// row writes a row, and before it the sums of the kinds that are over.
func (w *writer) row(r store.Row) error {
	if mark.Row(r) {
		return nil
	}
	kind := slices.Index(w.manifest.Kinds, r.Kind)
	switch {
	case kind < 0 || kind < w.kind:
		return fmt.Errorf("back up a row of %.100q: no kind, or not in its place", r.Kind)
	case kind == w.kind && bytes.Compare(r.Key, w.key) <= 0:
		return fmt.Errorf("back up the rows of %s: %.100q is not in the order of the keys", r.Kind, r.Key)
	case kind > w.kind:
		w.upTo(kind)
	}
	w.key = append(w.key[:0], r.Key...)
	w.counter.Add(r)
	w.manifest.Rows++
	var head [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(kind))
	n += binary.PutUvarint(head[n:], uint64(len(r.Key)))
	w.frame(frameRow, head[:n], r.Key, r.Value)
	return w.failed
}

// upTo ends the kinds before one, and begins with that.
func (w *writer) upTo(kind int) {
	for w.kind < kind {
		if w.counter != nil {
			sum := w.counter.Sum()
			w.manifest.Sums = append(w.manifest.Sums, sum)
			w.json(frameSum, sum)
		}
		w.kind++
		w.key = w.key[:0]
		if w.kind < len(w.manifest.Kinds) {
			w.counter = NewCounter(w.manifest.Kinds[w.kind])
		}
	}
}

func (w *writer) json(letter byte, v any) {
	body, err := json.Marshal(v)
	if err != nil && w.failed == nil {
		w.failed = err
	}
	w.frame(letter, body)
}

func (w *writer) frame(letter byte, parts ...[]byte) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size > maxFrame && w.failed == nil {
		w.failed = fmt.Errorf("%w: a row of %d bytes", store.ErrTooLarge, size)
	}
	var head [5]byte
	head[0] = letter
	binary.BigEndian.PutUint32(head[1:], uint32(size))
	w.bytes(head[:])
	for _, p := range parts {
		w.bytes(p)
	}
}

func (w *writer) bytes(b []byte) {
	if w.failed != nil {
		return
	}
	_, _ = w.digest.Write(b) // hashes never fail
	_, w.failed = w.buffer.Write(b)
}

// seen is the digest of all bytes so far, which is the file's.
func (w *writer) seen() string {
	w.manifest.SHA256 = hex.EncodeToString(w.digest.Sum(nil))
	return w.manifest.SHA256
}
