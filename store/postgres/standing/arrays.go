package standing

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// The columns of a line are taken apart here, where pgx would plan how to read each of thirty for a line or two, and make a
// string of each value by itself: that took as long as a third of the server's work. What is not as expected is left to pgx.

var errArray = errors.New("an array that the database has sent cannot be read")

// scan reads a row into what the pointers point to.
func scan(rows pgx.Rows, into []any) error {
	fields, raw := rows.FieldDescriptions(), rows.RawValues()
	read := 0
	for i := range min(len(into), len(fields), len(raw)) {
		if fields[i].Format != pgx.BinaryFormatCode {
			continue
		}
		done, err := readArray(into[i], fields[i].DataTypeOID, raw[i])
		if err != nil {
			return err
		}
		if done {
			into[i] = nil // pgx passes it by
			read++
		}
	}
	if read == len(into) && read == len(fields) {
		return nil
	}
	return rows.Scan(into...)
}

// readArray reads an array of a type that it knows; NULL is none. A number by itself is one of them.
func readArray(into any, oid uint32, raw []byte) (done bool, err error) {
	switch to := into.(type) {
	case *int64:
		if done = oid == pgtype.Int8OID && len(raw) == 8; done {
			*to = number64(raw)
		}
	case *[]int64:
		if done = oid == pgtype.Int8ArrayOID; done {
			*to, err = elements(raw, 8, number64)
		}
	case *[]int32:
		if done = oid == pgtype.Int4ArrayOID; done {
			*to, err = elements(raw, 4, func(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) })
		}
	case *[]bool:
		if done = oid == pgtype.BoolArrayOID; done {
			*to, err = elements(raw, 1, func(b []byte) bool { return b[0] == 1 })
		}
	case *[]string:
		if done = oid == pgtype.TextArrayOID; done {
			*to, err = texts(raw)
		}
	case *[]pgtype.Timestamp:
		if done = oid == pgtype.TimestampArrayOID; done {
			*to, err = moments(raw)
		}
	case *[][]byte:
		if done = oid == pgtype.ByteaArrayOID; done {
			*to, err = elements(bytes.Clone(raw), anySize, func(b []byte) []byte { return b })
		}
	}
	return done, err
}

func number64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// anySize are elements that have each their own size.
const anySize = -1

// elements reads the elements of an array of one dimension, none of which is NULL.
func elements[T any](raw []byte, size int, read func([]byte) T) ([]T, error) {
	n, rest, err := opened(raw)
	if err != nil || n == 0 {
		return nil, err
	}
	list := make([]T, n)
	for i := range list {
		length, err := next(rest)
		if err != nil || size != anySize && length != size {
			return nil, errArray
		}
		list[i], rest = read(rest[4:4+length:4+length]), rest[4+length:]
	}
	if len(rest) > 0 {
		return nil, errArray
	}
	return list, nil
}

// texts reads an array of texts, which share one string.
func texts(raw []byte) ([]string, error) {
	n, rest, err := opened(raw)
	if err != nil || n == 0 {
		return nil, err
	}
	all, at, list := string(rest), 0, make([]string, n)
	for i := range list {
		length, err := next(rest[at:])
		if err != nil {
			return nil, err
		}
		list[i] = all[at+4 : at+4+length]
		at += 4 + length
	}
	if at < len(rest) {
		return nil, errArray
	}
	return list, nil
}

// moments reads an array of times, any of which may be NULL. What a time is pgx says, for all of them at once.
func moments(raw []byte) ([]pgtype.Timestamp, error) {
	n, rest, err := opened(raw)
	if err != nil || n == 0 {
		return nil, err
	}
	list := make([]pgtype.Timestamp, n)
	plan := new(pgtype.TimestampCodec).PlanScan(nil, pgtype.TimestampOID, pgx.BinaryFormatCode, &list[0])
	for i := range list {
		if bytes.HasPrefix(rest, []byte{0xff, 0xff, 0xff, 0xff}) {
			rest = rest[4:]
			continue
		}
		length, err := next(rest)
		if err == nil {
			err = plan.Scan(rest[4:4+length], &list[i])
		}
		if err != nil {
			return nil, errArray
		}
		rest = rest[4+length:]
	}
	if len(rest) > 0 {
		return nil, errArray
	}
	return list, nil
}

// opened is how many elements an array has, and their bytes: each is its length, and that many. Before them stand how many
// dimensions there are, whether any is NULL, and their type; then the size of each dimension and where it begins.
func opened(raw []byte) (n int, rest []byte, err error) {
	if raw == nil {
		return 0, nil, nil
	}
	if len(raw) < 12 {
		return 0, nil, errArray
	}
	switch dimensions := binary.BigEndian.Uint32(raw); {
	case dimensions == 0 && len(raw) == 12:
		return 0, nil, nil
	case dimensions == 1 && len(raw) >= 20:
		size, rest := binary.BigEndian.Uint32(raw[12:]), raw[20:]
		if uint64(size) > uint64(len(rest)/4) || size == 0 && len(rest) > 0 {
			return 0, nil, errArray
		}
		return int(size), rest, nil
	}
	return 0, nil, errArray
}

// next is the length of the element that comes next, all of which is there.
func next(rest []byte) (int, error) {
	if len(rest) < 4 {
		return 0, errArray
	}
	length := binary.BigEndian.Uint32(rest)
	if uint64(length) > uint64(len(rest)-4) { // of NULL, too
		return 0, errArray
	}
	return int(length), nil
}
