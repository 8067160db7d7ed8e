package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// source is the archive as it comes in. It remembers the error that reading ended with, because what stands between it
// and the caller may make something else of it.
type source struct {
	ctx context.Context
	r   io.Reader
	err error // other than io.EOF
}

func (s *source) Read(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// explain returns the error of reading where there was one, else err.
func (s *source) explain(err error) error {
	if ctxErr := s.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if s.err != nil {
		return fmt.Errorf("read the archive: %w", s.err)
	}
	return err
}

// packed are the first bytes of what is not taken.
var packed = []struct{ magic, name string }{
	{"\xfd7zXZ\x00", "xz"},
	{"BZh", "bzip2"},
	{"\x04\x22\x4d\x18", "lz4"},
	{"PK\x03\x04", "zip"},
	{"7z\xbc\xaf\x27\x1c", "7-Zip"},
}

// decompress returns the tar archive in r, and what releases it.
func decompress(r *bufio.Reader) (io.Reader, func(), error) {
	magic, _ := r.Peek(6) // an error comes again when the archive is read
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, damaged("", err)
		}
		return z, func() {}, nil
	case isZstd(magic):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, damaged("", err)
		}
		return z, z.Close, nil
	}
	for _, p := range packed {
		if bytes.HasPrefix(magic, []byte(p.magic)) {
			return nil, nil, errorf("", "is packed with %s; only tar is taken, plain or packed with gzip or zstd", p.name)
		}
	}
	return r, func() {}, nil
}

// isZstd knows frames with content and those to be skipped, which some packers begin with.
func isZstd(magic []byte) bool {
	if len(magic) < 4 {
		return false
	}
	return bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:4], []byte{0x2a, 0x4d, 0x18})
}

// damaged returns the fault behind an error of reading on after a member.
func damaged(after string, err error) error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	where := "in its first block"
	if after != "" {
		where = "behind " + printable(after)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return incomplete("", "ends too early, "+where)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return errorf("", "is packed with a zstd window of more than %d bytes", maxWindow)
	case after == "":
		return errorf("", "is no tar archive, or is damaged from its start: %v", err)
	}
	return errorf("", "is damaged %s: %v", where, err)
}

// stream is the tar archive, decompressed, with an end to it.
type stream struct {
	r     io.Reader
	left  int64
	ended bool // it was read to its end
}

func (s *stream) Read(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		s.left = 0
		return 0, errorf("", "has more in its headers and padding than in its files, and unpacks to more than the limit")
	}
	if n > 0 && errors.Is(err, io.EOF) {
		return n, nil // and io.EOF at the next call
	}
	s.ended = s.ended || errors.Is(err, io.EOF)
	return n, err
}

// drain reads what is behind the end of the tar archive, so that checksums are verified and nothing gets lost.
func (s *stream) drain(buf []byte) error {
	if s.ended {
		return incomplete("", "ends without the two blocks of zeros that close a tar archive")
	}
	for zeros := 0; ; {
		n, err := s.Read(buf)
		if len(bytes.Trim(buf[:n], "\x00")) > 0 {
			return errorf("", "goes on behind its end, and what is there would be lost; was it joined from several archives?")
		}
		if zeros += n; zeros > maxPadding {
			return incomplete("", fmt.Sprintf("has more than %d zeros behind its end", maxPadding))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
