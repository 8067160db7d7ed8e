package playback

import (
	"encoding"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags. The environment names are Scalelite's, where it has one.
type Config struct {
	PlayerDir     string       `placeholder:"DIR" env:"BBBPOOL_PLAYER_DIR" help:"BigBlueButton's own player, the directory that has 2.3 in it (/var/bigbluebutton/playback/presentation on its servers). Without it a plain page plays what is there."`
	XAccel        string       `name:"x-accel" placeholder:"/PREFIX" env:"BBBPOOL_X_ACCEL" help:"Let nginx send the files: answer X-Accel-Redirect with this prefix, the location whose alias is the published directory. Its location must add the headers that keep scripts in files from running."`
	TokenTimeout  Minutes      `name:"recording-token-timeout" default:"60m" env:"BBBPOOL_RECORDING_TOKEN_TIMEOUT,PROTECTED_RECORDINGS_TOKEN_TIMEOUT" help:"How long the link to a protected recording can be followed. A bare number is minutes."`
	CookieTimeout Minutes      `name:"recording-cookie-timeout" default:"360m" env:"BBBPOOL_RECORDING_COOKIE_TIMEOUT,PROTECTED_RECORDINGS_TIMEOUT" help:"How long a protected recording plays after its link was followed. A bare number is minutes."`
	Secret        store.Secret `name:"recording-secret" placeholder:"SECRET" env:"SECRET_KEY_BASE" help:"What links and cookies of protected recordings are signed with. Made on the first start by default."`
}

// minSecret is the fewest characters of a secret that cannot be found by trying.
const minSecret = 16

// Validate tells what cannot work.
func (c Config) Validate() (err error) {
	if c.PlayerDir != "" {
		if _, none := playerDir(c.PlayerDir).newest(); none != nil {
			err = fmt.Errorf("--player-dir %s: %w", c.PlayerDir, none)
		}
	}
	if c.XAccel != "" && (!strings.HasPrefix(c.XAccel, "/") || strings.ContainsAny(c.XAccel, "%?# \t\r\n")) {
		err = errors.Join(err, fmt.Errorf("--x-accel %q: want the location in nginx, such as /static-resource", c.XAccel))
	}
	if c.TokenTimeout < Minutes(time.Minute) {
		err = errors.Join(err, fmt.Errorf("--recording-token-timeout %s: want at least 1m", c.TokenTimeout))
	}
	if c.CookieTimeout < Minutes(time.Minute) {
		err = errors.Join(err, fmt.Errorf("--recording-cookie-timeout %s: want at least 1m", c.CookieTimeout))
	}
	if n := len(c.Secret.Reveal()); n > 0 && n < minSecret {
		err = errors.Join(err, fmt.Errorf("--recording-secret (SECRET_KEY_BASE) has %d characters: want at least %d, "+
			"or none, so that one is made", n, minSecret))
	}
	return err
}

// Minutes is a duration that is read from a bare number as minutes, which is how Scalelite has it, or from "1h30m".
type Minutes time.Duration

var _ encoding.TextUnmarshaler = (*Minutes)(nil)

// maxMinutes bounds a duration at ten years, far below where adding it to a date could overflow.
const maxMinutes = 10 * 365 * 24 * 60

// UnmarshalText reads it.
func (m *Minutes) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if n, atoi := strconv.ParseInt(string(text), 10, 32); atoi == nil {
		d, err = time.Duration(n)*time.Minute, nil
	}
	if err != nil || d > maxMinutes*time.Minute {
		return fmt.Errorf("%q is no duration: want 90m, 1h30m, or a number of minutes", text)
	}
	*m = Minutes(d)
	return nil
}

// String is the duration as Go writes it.
func (m Minutes) String() string { return time.Duration(m).String() }
