// Package bridges makes the numbers by which telephones reach meetings, as Scalelite makes them: the same meeting has the same
// number here and there, and whoever has printed it in a letter may keep it.
//
// It owns the sequence of candidates and nothing else: which one is free the ledger knows.
package bridges

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
)

// Tries is how many candidates there are for a meeting.
const Tries = 10

// The shortest and the longest number that can be wanted.
const (
	Shortest = 5
	Longest  = 9
)

// Config is what an operator may set, as flags. The environment names are Scalelite's, and so is what they mean; but it has given
// numbers wherever nobody had said that it should not.
type Config struct {
	Length   int  `name:"voice-bridge-length" default:"0" env:"VOICE_BRIDGE_LEN" placeholder:"N" help:"Digits of the numbers that the pool gives meetings, each to one alone, by which telephones reach them; 0 leaves numbers to front ends and servers."`
	External bool `name:"external-voice-bridge" env:"USE_EXTERNAL_VOICE_BRIDGE" help:"Give a meeting the number that its front end asks for, unless another meeting has it."`
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	if c.Length != 0 && (c.Length < Shortest || c.Length > Longest) {
		return fmt.Errorf("--voice-bridge-length %d: want %d to %d, or 0 for none", c.Length, Shortest, Longest)
	}
	return nil
}

// taken is a number that BigBlueButton's dial plan has for itself.
const taken = "99999"

// Numbers yields the candidates for a meeting, best first, each of that many digits: the first digit is 1 to 9. They are drawn
// from a Mersenne Twister that begins with the SHA-256 of the meeting ID, as Scalelite's Ruby draws them (Random.new(seed),
// rand(range)), so that they are the same.
func Numbers(meetingID string, length int) iter.Seq[string] {
	return func(yield func(string) bool) {
		sum := sha256.Sum256([]byte(meetingID))
		// Ruby's seed is one number of 128 bits: its high half are the first 8 bytes, each half little-endian. Its words go
		// into the generator lowest first.
		high, low := binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
		r := newTwister(words(high, low))
		for range Tries {
			number := make([]byte, 0, length)
			number = append(number, byte('1'+r.below(9)))
			for len(number) < length {
				number = append(number, byte('0'+r.below(10)))
			}
			if string(number) != taken && !yield(string(number)) {
				return
			}
		}
	}
}

// words are those of a number, lowest first, without the zeros that it begins with.
func words(high, low uint64) []uint32 {
	list := []uint32{uint32(low), uint32(low >> 32), uint32(high), uint32(high >> 32)}
	for len(list) > 1 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}
	return list
}

// twister is MT19937 (Matsumoto and Nishimura, 1998), with the initialisation by an array of 2002.
type twister struct {
	state [624]uint32
	next  int
}

func newTwister(key []uint32) *twister {
	t := &twister{next: 624}
	s := &t.state
	s[0] = 19650218
	for i := 1; i < len(s); i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i, j := 1, 0
	advance := func() {
		if i++; i == len(s) {
			s[0], i = s[len(s)-1], 1
		}
	}
	for range max(len(s), len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + uint32(j)
		j = (j + 1) % len(key)
		advance()
	}
	for range len(s) - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		advance()
	}
	s[0] = 1 << 31
	return t
}

// uint32 draws the next number.
func (t *twister) uint32() uint32 {
	s := &t.state
	if t.next == len(s) {
		for i := range s {
			y := s[i]&(1<<31) | s[(i+1)%len(s)]&(1<<31-1)
			s[i] = s[(i+397)%len(s)] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		t.next = 0
	}
	y := s[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below draws one of the numbers from 0 to n-1 as Ruby does: what is too large is drawn again.
func (t *twister) below(n uint32) uint32 {
	mask := uint32(1)<<bits.Len32(n-1) - 1
	for {
		if v := t.uint32() & mask; v < n {
			return v
		}
	}
}
