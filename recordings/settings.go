package recordings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// settingsFile is the file in the data directory that tells with which settings the pool was served last: commands that
// work while it is not served must not take another directory for it, or delete what it would keep.
const settingsFile = "recordings.json"

// remember writes the settings down.
func (c Config) remember(data string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(data, settingsFile)
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) { //nolint:gosec // in the data directory
		return nil
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Last returns the settings with which the pool in a data directory was served last, or c where it never was.
func (c Config) Last(data string) (Config, error) {
	text, err := os.ReadFile(filepath.Join(data, settingsFile)) //nolint:gosec // in the data directory
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("read the settings of the recordings: %w", err)
	}
	return c, nil
}
