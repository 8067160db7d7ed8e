package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/file"
	"github.com/bbbpool/bbbpool/store/bolt/group"
	"github.com/bbbpool/bbbpool/store/rows"
)

// File is the name of the copy in the data directory. It has every secret of the pool.
const File = "state-copy.db"

// The tree: head/head is JSON, rows/<kind> 0 <key> is a byte of flags, the time in 12 bytes that sort, and the row itself,
// nothing where it was deleted.
var (
	headBucket = []byte("head")
	rowsBucket = []byte("rows")
	headKey    = []byte("head")
)

// form is the version of the tree. A copy in another form is set aside: the store has everything.
const form = 1

// The flags of a row.
const (
	flagWaits = 1 << iota
	flagOwn
	flagStands
)

// head is what the copy knows of the store.
type head struct {
	Form   int    `json:"form"`
	Known  uint64 `json:"known"`
	Synced bool   `json:"synced"`
	Alone  bool   `json:"alone"`
	Home   uint64 `json:"home,omitempty"`
}

// disk is the copy in the data directory.
type disk struct {
	db     *bbolt.DB
	writer *group.Writer

	mu   sync.RWMutex // held for reading from the journaling of a change until memory has it, for writing by keep
	last head
}

// openDisk opens the copy, and reads it into memory. One that is damaged is set aside.
func openDisk(dir string, c Config, into *records) (*disk, head, error) {
	path := filepath.Join(dir, File)
	d, h, err := openFile(path, into)
	if err == nil || errors.Is(err, store.ErrLocked) {
		return d, h, err
	}
	aside := fmt.Sprintf("%s.damaged-%d", path, c.Now().Unix())
	if renamed := os.Rename(path, aside); renamed != nil {
		return nil, head{}, errors.Join(err, renamed)
	}
	c.Log.Warn().Err(err).Str("kept as", aside).Msg("the copy of the state in the data directory cannot be read; a new one is made")
	into.clear()
	return openFile(path, into)
}

func openFile(path string, into *records) (*disk, head, error) {
	db, err := file.Open(path, makeTree, func(*bbolt.DB) error { return nil })
	if err != nil {
		return nil, head{}, err
	}
	d := &disk{db: db}
	err = file.Guard(func() error { return db.View(func(tx *bbolt.Tx) error { return d.read(tx, into) }) })
	if err != nil {
		return nil, head{}, errors.Join(err, db.Close())
	}
	clear(into.changed) // it is there
	d.writer = group.Start(db, func(time.Time, error) {})
	return d, d.last, nil
}

func makeTree(tx *bbolt.Tx) error {
	_, err := tx.CreateBucket(rowsBucket)
	heads, err2 := tx.CreateBucket(headBucket)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	value, err := json.Marshal(head{Form: form})
	return errors.Join(err, heads.Put(headKey, value))
}

// read reads the copy into memory.
func (d *disk) read(tx *bbolt.Tx, into *records) error {
	heads, list := tx.Bucket(headBucket), tx.Bucket(rowsBucket)
	if heads == nil || list == nil {
		return file.ErrForeign
	}
	if err := json.Unmarshal(heads.Get(headKey), &d.last); err != nil {
		return err
	}
	if d.last.Form != form {
		return fmt.Errorf("its form is %d, and this version knows %d", d.last.Form, form)
	}
	return list.ForEach(func(key, value []byte) error {
		n, r, err := readRow(key, value)
		if err == nil {
			into.put(n, r)
		}
		return err
	})
}

const rowHead = 1 + rows.TimeSize

func readRow(key, value []byte) (n name, r record, err error) {
	kind := 0
	for kind < len(key) && key[kind] != 0 {
		kind++
	}
	if kind == len(key) || len(value) < rowHead {
		return n, r, file.ErrDamaged
	}
	n = name{string(key[:kind]), string(key[kind+1:])}
	r = record{waits: value[0]&flagWaits != 0, own: value[0]&flagOwn != 0, at: rows.TimeOf(value[1:])}
	if value[0]&flagStands == 0 {
		return n, r, nil
	}
	form, ok := rows.Of(n.kind)
	if !ok {
		return n, r, fmt.Errorf("%w: it has a row of %.100q", file.ErrDamaged, n.kind)
	}
	r.value, err = form.Again(key[kind+1:], value[rowHead:])
	return n, r, err
}

func writeRow(n name, r record) (key, value []byte) {
	var flags byte
	for flag, is := range map[byte]bool{flagWaits: r.waits, flagOwn: r.own, flagStands: r.value != nil} {
		if is {
			flags |= flag
		}
	}
	key = append(append([]byte(n.kind), 0), n.key...)
	return key, append(append([]byte{flags}, rows.TimeKey(r.at)...), r.value...)
}

// journal makes durable what waits for the store, and then has it applied to memory.
func (d *disk) journal(ctx context.Context, changes []change, now time.Time, apply func()) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	err := d.writer.Do(ctx, func(t *group.Txn) error {
		t.Changing()
		for _, c := range changes {
			key, value := writeRow(c.name, record{value: c.value, at: now, own: true, waits: true})
			if len(key) > bbolt.MaxKeySize {
				return fmt.Errorf("%w: a key of %d bytes", store.ErrTooLarge, len(key))
			}
			if err := t.Bucket(rowsBucket).Put(key, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		apply()
	}
	return err
}

// keep makes durable what has changed since it was called last, all of it or nothing.
func (d *disk) keep(h head, c *records) error {
	if h.Form = form; d == nil {
		return nil
	}
	d.mu.Lock() // what is journaled meanwhile would be overwritten by what memory still says
	defer d.mu.Unlock()
	changed := c.changes()
	if len(changed) == 0 && h == d.last {
		return nil
	}
	err := d.writer.Do(context.Background(), func(t *group.Txn) error {
		t.Changing()
		for n, r := range changed {
			if err := keepRow(t.Bucket(rowsBucket), n, r); err != nil {
				return err
			}
		}
		value, err := json.Marshal(h)
		return errors.Join(err, t.Bucket(headBucket).Put(headKey, value))
	})
	if err != nil {
		c.unkept(changed)
		return err
	}
	d.last = h
	return nil
}

// keepRow writes a row, or takes one away that is to be forgotten. A key that is too long for the file is in memory alone.
func keepRow(b *bbolt.Bucket, n name, r *record) error {
	if r == nil {
		key, _ := writeRow(n, record{})
		return b.Delete(key)
	}
	key, value := writeRow(n, *r)
	if len(key) > bbolt.MaxKeySize {
		return nil
	}
	return b.Put(key, value)
}

func (d *disk) close() error {
	if d == nil {
		return nil
	}
	d.writer.Stop()
	return d.db.Close()
}

// changes are the records that were changed since it was called last, nil for those that are forgotten.
func (c *records) changes() map[name]*record {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make(map[name]*record, len(c.changed))
	for n := range c.changed {
		list[n] = nil
		if r, there := c.all[n.kind][n.key]; there {
			list[n] = &r
		}
	}
	clear(c.changed)
	return list
}

// unkept says that changes were not kept.
func (c *records) unkept(list map[name]*record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range list {
		c.changed[n] = true
	}
}
