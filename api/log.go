package api

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// Log is what is logged and how, as flags.
type Log struct {
	Level  string `name:"log-level" default:"info" env:"BBBPOOL_LOG_LEVEL,RAILS_LOG_LEVEL" help:"debug, info, warn or error."`
	Format string `name:"log-format" default:"auto" enum:"auto,json,text" env:"BBBPOOL_LOG_FORMAT" help:"json, text, or auto: text on a terminal."`
}

// Validate tells what cannot work.
func (l Log) Validate() error {
	if _, err := zerolog.ParseLevel(l.Level); err != nil || l.Level == "" {
		return fmt.Errorf("--log-level %q: want debug, info, warn or error", l.Level)
	}
	return nil
}

// New returns a logger that writes to w, one line per event.
func (l Log) New(w io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(l.Level)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("--log-level: %w", err)
	}
	file, isFile := w.(*os.File)
	if l.Format == "text" || l.Format == "auto" && isFile && isatty.IsTerminal(file.Fd()) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: "15:04:05.000"}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), nil
}
