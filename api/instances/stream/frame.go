package stream

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

// maxFrame bounds a frame: what 500 servers say of 50,000 people is some tens of megabytes.
const maxFrame = 128 << 20

// frame is what goes over the wire: its length in four bytes, the length of the part's name in one, the name, a byte of flags,
// and the part's own bytes. One without a part's name is of the stream itself.
type frame struct {
	part  string
	first bool // it replaces what the part was told before
	body  []byte
}

// flagFirst is the only flag that there is; others are ignored.
const flagFirst = 1

// head is everything before the body.
func (f frame) head() []byte {
	head := binary.BigEndian.AppendUint32(make([]byte, 0, 6+len(f.part)), uint32(2+len(f.part)+len(f.body)))
	head = append(append(head, byte(len(f.part))), f.part...)
	if f.first {
		return append(head, flagFirst)
	}
	return append(head, 0)
}

func (f frame) size() int { return 6 + len(f.part) + len(f.body) }

// errFrame is for what no instance sends.
var errFrame = errors.New("what another instance has sent is no frame, or larger than one may be")

// readFrame reads one. Memory is taken as bytes come, whatever length is announced.
func readFrame(r io.Reader, limit int) (f frame, err error) {
	var head [5]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return f, err
	}
	length, name := int64(binary.BigEndian.Uint32(head[:4])), int64(head[4])
	if length > int64(limit) || length < name+2 {
		return f, errFrame
	}
	var rest bytes.Buffer
	if length < 64<<10 {
		rest.Grow(int(length))
	}
	if n, err := io.CopyN(&rest, r, length-1); err != nil {
		if n > 0 || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return f, err
	}
	b := rest.Bytes()
	return frame{part: string(b[:name]), first: b[name]&flagFirst != 0, body: b[name+1:]}, nil
}

// sign is what the stream itself says. Kinds that are not known are ignored.
type sign struct {
	Kind  string `json:"kind"`
	Epoch uint64 `json:"epoch"`
	At    int64  `json:"at"` // milliseconds after the beginning: everything from before was sent
	// Stream names the stream, in its hello; Number is that of a question. Those of before do not know them.
	Stream string `json:"stream,omitempty"`
	Number uint64 `json:"number,omitempty"`
}

// The kinds of signs.
const (
	hello = "hello" // the first frame
	beat  = "beat"
	bye   = "bye" // the lease was given back: whoever wants it may take it
	// question asks the follower to say when it has heard all that stands before it.
	question = "question"
)

func (s sign) frame() frame {
	body, _ := json.Marshal(s) //nolint:errchkjson // plain fields
	return frame{body: body}
}
