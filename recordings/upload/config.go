package upload

import (
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

// Config bounds what servers may send, as flags.
type Config struct {
	MaxUpload  volume.Size `name:"max-upload" default:"200GiB" placeholder:"SIZE" env:"BBBPOOL_MAX_UPLOAD" help:"Largest archive of recordings that a server may upload."`
	MaxUploads int         `name:"max-uploads" default:"16" env:"BBBPOOL_MAX_UPLOADS" help:"Uploads at the same time, a quarter of them from one server; more are told to come back."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.MaxUpload < 1 {
		errs = append(errs, fmt.Errorf("--max-upload %s: want at least 1 byte", c.MaxUpload))
	}
	if c.MaxUploads < 1 {
		errs = append(errs, fmt.Errorf("--max-uploads %d: want at least 1", c.MaxUploads))
	}
	return errors.Join(errs...)
}
