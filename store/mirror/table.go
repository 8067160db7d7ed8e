package mirror

import (
	"bytes"
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// all returns the records of a kind, in the order of their keys.
func all[T any](ctx context.Context, m *Mirror, codec rows.Codec[T]) (records []T, err error) {
	err = m.usable(ctx)
	if err == nil && guarded(codec.Kind) {
		err = m.current(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, row := range m.copy.list(codec.Kind) {
		record, err := codec.Decode(row.Key, row.Value)
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// one returns a record, or store.ErrNotFound.
func one[T any](ctx context.Context, m *Mirror, codec rows.Codec[T], key []byte) (record T, err error) {
	if err := m.usable(ctx); err != nil {
		return record, err
	}
	r, stands := m.copy.get(name{codec.Kind, string(key)})
	if !stands {
		return record, store.ErrNotFound
	}
	return codec.Decode(key, r.value)
}

// errRead ends what only wanted to read.
var errRead = errors.New("it was read")

// Stored returns a claim as the store has it now, whatever the copy says. It is for one that hears nobody else.
func (m *Mirror) Stored(ctx context.Context, key store.MeetingKey) (c store.Claim, err error) {
	if out := m.outage(); out.is {
		return c, store.ErrAway
	}
	_, err = m.config.Store.UpdateClaim(ctx, key, func(stands *store.Claim) error {
		c = *stands
		return errRead
	})
	return c, store.Ignore(err, errRead)
}

// changeTo is what a record has become.
func changeTo[T any](codec rows.Codec[T], record T) ([]change, error) {
	row, err := codec.Row(record)
	return []change{{name{row.Kind, string(row.Key)}, row.Value}}, err
}

// create adds a record by inStore, which returns the one that stands afterwards.
func create[T any](
	ctx context.Context, m *Mirror, codec rows.Codec[T], record T, inStore func() (T, error),
) (standing T, err error) {
	n := name{codec.Kind, string(codec.Key(record))}
	err = m.do(ctx, write{
		names: []name{n},
		store: func(ctx context.Context, sure bool) (_ []change, err error) {
			_, stands := m.copy.get(n)
			if stands && sure {
				if err := m.intact(ctx); err != nil {
					return nil, err // it must not be made twice because the store has lost it
				}
			}
			standing, err = inStore()
			if errors.Is(err, store.ErrExists) && !stands && sure {
				return nil, errDiffers // it may have been deleted, and be there again
			}
			if err != nil {
				return nil, err
			}
			return changeTo(codec, standing)
		},
		copy: func() ([]change, error) {
			if r, stands := m.copy.get(n); stands {
				was, err := codec.Decode([]byte(n.key), r.value)
				standing = was
				return nil, errors.Join(err, store.ErrExists)
			}
			row, err := codec.Row(record)
			if err == nil {
				standing, err = codec.Decode(row.Key, row.Value)
			}
			return []change{{n, row.Value}}, err
		},
	})
	var none T
	if err != nil && !errors.Is(err, store.ErrExists) {
		return none, err
	}
	return standing, err
}

// intact is errDiffers where the store has lost something.
func (m *Mirror) intact(ctx context.Context) error {
	k, err := m.mark(ctx)
	if err != nil {
		return err
	}
	term, leads := m.leads()
	if why, _ := m.judge(k, term, leads); why != "" {
		return errDiffers
	}
	return nil
}

// update changes a record by inStore, which runs a closure on the one that stands.
func update[T any](
	ctx context.Context, m *Mirror, codec rows.Codec[T], key []byte, edit func(*T) error, inStore func(func(*T) error) (T, error),
) (updated T, err error) {
	n := name{codec.Kind, string(key)}
	err = m.do(ctx, write{
		names: []name{n},
		store: func(_ context.Context, sure bool) (_ []change, err error) {
			updated, err = inStore(func(standing *T) error {
				if sure && !says(m, codec, n, *standing) {
					return errDiffers
				}
				return edit(standing)
			})
			if err != nil {
				return nil, m.missed(n, err, sure)
			}
			return changeTo(codec, updated)
		},
		copy: func() ([]change, error) {
			updated, err = edited(m, codec, n, edit)
			if err != nil {
				return nil, err
			}
			value, err := codec.Encode(updated)
			return []change{{n, value}}, err
		},
	})
	if err != nil {
		var none T
		return none, err
	}
	return updated, nil
}

// says tells whether the copy says this of a record.
func says[T any](m *Mirror, codec rows.Codec[T], n name, standing T) bool {
	r, _ := m.copy.get(n)
	value, err := codec.Encode(standing)
	return err == nil && bytes.Equal(value, r.value)
}

// edited is a record of the copy after a closure. What its key says stays.
func edited[T any](m *Mirror, codec rows.Codec[T], n name, edit func(*T) error) (record T, err error) {
	r, stands := m.copy.get(n)
	if !stands {
		return record, store.ErrNotFound
	}
	if record, err = codec.Decode([]byte(n.key), r.value); err != nil {
		return record, err
	}
	if err := edit(&record); err != nil {
		return record, err
	}
	value, err := codec.Encode(record)
	if err != nil {
		return record, err
	}
	return codec.Decode([]byte(n.key), value)
}

// missed is errDiffers in the place of an error that says that a record is not there, or is another one, where the copy has
// it.
func (m *Mirror) missed(n name, err error, sure bool) error {
	_, stands := m.copy.get(n)
	if sure && stands && (errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict)) {
		return errDiffers
	}
	return err
}

// remove deletes a record by inStore, or from the copy where it passes check.
func remove[T any](
	ctx context.Context, m *Mirror, codec rows.Codec[T], key []byte, check func(T) error, inStore func() error,
) error {
	n := name{codec.Kind, string(key)}
	return m.do(ctx, write{
		names: []name{n},
		store: func(ctx context.Context, sure bool) ([]change, error) {
			if _, stands := m.copy.get(n); !stands && sure {
				if err := m.intact(ctx); err != nil {
					return nil, err
				}
			}
			if err := inStore(); err != nil {
				return nil, m.missed(n, err, sure && mayGo(m, codec, n, check))
			}
			return []change{{n, nil}}, nil
		},
		copy: func() ([]change, error) {
			r, stands := m.copy.get(n)
			if !stands {
				return nil, store.ErrNotFound
			}
			record, err := codec.Decode(key, r.value)
			if err == nil {
				err = check(record)
			}
			return []change{{n, nil}}, err
		},
	})
}

// mayGo tells whether a record of the copy passes check.
func mayGo[T any](m *Mirror, codec rows.Codec[T], n name, check func(T) error) bool {
	r, stands := m.copy.get(n)
	record, err := codec.Decode([]byte(n.key), r.value)
	return stands && err == nil && check(record) == nil
}
