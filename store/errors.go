package store

import "errors"

// Errors that every adapter returns, wrapped with the operation and the key. Compare with errors.Is.
var (
	// ErrNotFound: there is no such record.
	ErrNotFound = errors.New("not found")
	// ErrExists: a record with that key is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict: the record is no longer what the caller took it for.
	ErrConflict = errors.New("changed meanwhile")
	// ErrTooLarge: the record, or what names it, would be larger than it may be. The error says what, and the limit.
	ErrTooLarge = errors.New("larger than its limit")
	// ErrLocked: another process holds the database.
	ErrLocked = errors.New("in use by another process")
	// ErrFenced: another instance decides now, or none does: nothing was written, and nothing may be done.
	ErrFenced = errors.New("this instance has not got the lease")
	// ErrAway: the database does not answer, or cannot take anything now. Nothing is known of what was asked for; a write may
	// have been done.
	ErrAway = errors.New("the database is away")
	// ErrNewerSchema: the database was written by a newer version of bbbpool.
	ErrNewerSchema = errors.New("written by a newer bbbpool")
)

// Ignore returns err, or nil if it is one of those, which are no failure to the caller.
func Ignore(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
