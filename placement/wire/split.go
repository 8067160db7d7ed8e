package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Max is how long a frame is at most that [Split] returns, in bytes.
const Max = 256 << 10

// maxWhole bounds what is put together of parts. The longest is what a server lists in one poll.
const maxWhole = 64 << 20

// partKind is the kind of the frames that are parts of one.
const partKind = "part"

// part is a piece of a frame that is too long for one.
type part struct {
	Kind string `json:"kind"`
	Last bool   `json:"last"`
	Data []byte `json:"data"`
}

// Split returns a frame as it is, or as several in the place of one that is too long.
func Split(frame []byte) (list [][]byte) {
	if len(frame) <= Max {
		return [][]byte{frame}
	}
	const size = Max / 3 * 2 // base64 makes four bytes of three
	for len(frame) > 0 {
		n := min(size, len(frame))
		list = append(list, partOf(frame[:n], n == len(frame)))
		frame = frame[n:]
	}
	return list
}

func partOf(data []byte, last bool) []byte {
	b := fmt.Appendf(nil, `{"kind":%q,"last":%t,"data":"`, partKind, last)
	return append(base64.StdEncoding.AppendEncode(b, data), `"}`...)
}

// Parts puts together what was split. It is for the frames of one sender, in their order.
type Parts struct{ whole []byte }

// Add returns the frame that is whole with this one, nil where more must come.
func (p *Parts) Add(frame []byte) ([]byte, error) {
	if len(frame) > Max {
		return nil, fmt.Errorf("a frame of %d bytes", len(frame))
	}
	if !bytes.HasPrefix(frame, []byte(`{"kind":"`+partKind+`"`)) {
		if len(p.whole) > 0 {
			return nil, errors.New("a frame between the parts of another one")
		}
		return frame, nil
	}
	var one part
	if err := json.Unmarshal(frame, &one); err != nil {
		return nil, fmt.Errorf("read a part of a frame: %w", err)
	}
	if p.whole = append(p.whole, one.Data...); len(p.whole) > maxWhole {
		p.whole = nil
		return nil, errors.New("a frame of too many parts")
	}
	if !one.Last {
		return nil, nil
	}
	whole := p.whole
	p.whole = nil
	return whole, nil
}
