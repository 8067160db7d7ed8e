package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// BackupStatus is how the last backups went that the pool makes by itself.
type BackupStatus struct {
	Every    string     `json:"every"`              // how often one is made
	Verified *time.Time `json:"verified,omitempty"` // of when the last one is that was proven
	File     string     `json:"file,omitempty"`     // its name
	Rows     int        `json:"rows,omitempty"`
	Bytes    int64      `json:"bytes,omitempty"`
	Sealed   bool       `json:"sealed,omitempty"` // it is encrypted
	Failed   *time.Time `json:"failed,omitempty"` // the last attempt, if that came to nothing
	Error    string     `json:"error,omitempty"`  // why
}

// Backups are the calls about backups.
type Backups struct{ client *Client }

const (
	// backupWait is how long the pool may take to read its records.
	backupWait = 30 * time.Minute
	// backupSilence is how long it may then say nothing.
	backupSilence = 2 * time.Minute
)

// Write writes a backup of all records, with all secrets, to w. It is for whoever reads it to find out whether it is whole:
// see package backup.
func (b Backups) Write(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(backupWait, func() { cancel(errSilent) })
	defer timer.Stop()
	resp, err := b.client.send(ctx, http.MethodGet, "/backup", nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return b.client.decode(resp, &struct{}{})
	}
	if resp.Header.Get("Content-Type") != "application/octet-stream" {
		return errors.New("what listens there does not answer with a backup")
	}
	_, err = io.Copy(w, heard{resp.Body, func() { timer.Reset(backupSilence) }})
	if err != nil {
		err = fmt.Errorf("receive the backup: %w", err)
	}
	return b.client.unanswered(ctx, err)
}

// heard tells of what arrives.
type heard struct {
	io.Reader
	alive func()
}

func (h heard) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	h.alive()
	return n, err
}
