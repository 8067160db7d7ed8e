package redis

import (
	_ "embed" // the scripts
	"encoding/binary"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// The scripts, each of which begins with what both need.
var (
	//go:embed common.lua
	commonLua string
	//go:embed look.lua
	lookLua string
	//go:embed write.lua
	writeLua string

	lookScript  = goredis.NewScript(commonLua + lookLua)
	writeScript = goredis.NewScript(commonLua + writeLua)
)

// nothing is the sum of commands that have found nothing.
const nothing = "nothing"

// commands is a list of commands in the form in which scripts take it: strings of any bytes, each behind its length.
type commands struct{ blob []byte }

func (c *commands) add(words ...string) {
	c.blob = binary.BigEndian.AppendUint32(c.blob, uint32(len(words)))
	for _, w := range words {
		c.blob = binary.BigEndian.AppendUint32(c.blob, uint32(len(w)))
		c.blob = append(c.blob, w...)
	}
}

// join adds what another list has.
func (c *commands) join(more commands) { c.blob = append(c.blob, more.blob...) }

// commandList makes a list of what it is given.
func commandList(list ...[]string) (c commands) {
	for _, words := range list {
		c.add(words...)
	}
	return c
}

// text is a reply that is one string; "" where there is none.
func text(reply any) string {
	s, _ := reply.(string)
	return s
}

// found is a reply that is one string, and whether there is one.
func found(reply any) ([]byte, bool) {
	s, ok := reply.(string)
	return []byte(s), ok
}

// truth is a reply that is 0 or 1.
func truth(reply any) bool {
	n, _ := reply.(int64)
	return n != 0
}

// replies is a reply that is a list.
func replies(reply any) []any {
	list, _ := reply.([]any)
	return list
}

// set is a reply that is a list of strings, as a set.
func set(reply any) map[string]bool {
	members := map[string]bool{}
	for _, m := range replies(reply) {
		members[text(m)] = true
	}
	return members
}

// hash is a reply that is a list of fields and values.
func hash(reply any) map[string]string {
	list := replies(reply)
	if len(list) == 0 {
		return nil
	}
	fields := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		fields[text(list[i])] = text(list[i+1])
	}
	return fields
}

// number is a reply that is a number, written as one or as a string.
func number(reply any) uint64 {
	if n, ok := reply.(int64); ok && n >= 0 {
		return uint64(n)
	}
	n, _ := strconv.ParseUint(text(reply), 10, 64)
	return n
}

// part is an element of a list of replies, nil behind its end: what a server says is as long as it likes.
func part(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// count is how many commands a list has.
func count(c commands) (n int) {
	for at := 0; at < len(c.blob); n++ {
		words := binary.BigEndian.Uint32(c.blob[at:])
		at += 4
		for range words {
			at += 4 + int(binary.BigEndian.Uint32(c.blob[at:]))
		}
	}
	return n
}
