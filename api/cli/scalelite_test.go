package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/cli"
	"github.com/bbbpool/bbbpool/store/driver"
)

// scalelites are all names that Scalelite goes by, but for those that say nothing without Amazon's: AWS_….
const scalelites = `URL_HOST SECRET_KEY_BASE LOADBALANCER_SECRET LOADBALANCER_SECRETS LOADBALANCER_CHECKSUM_ALGORITHM
DATABASE_URL REDIS_URL REDIS_POOL REDIS_NAMESPACE BUILD_NUMBER MULTITENANCY_ENABLED DEFAULT_LOCALE DB_DISABLED
PREPARED_STATEMENT DB_CONNECTION_RETRY_COUNT PORT BIND RAILS_MAX_THREADS RAILS_MIN_THREADS WEB_CONCURRENCY RAILS_ENV
RAILS_LOG_TO_STDOUT RAILS_LOG_LEVEL RAILS_SERVE_STATIC_FILES PIDFILE RAILS_MASTER_KEY POLL_INTERVAL INTERVAL POLLER_THREADS
POLLER_WAIT_TIMEOUT CONNECT_TIMEOUT RESPONSE_TIMEOUT SERVER_HEALTHY_THRESHOLD SERVER_UNHEALTHY_THRESHOLD LOAD_MIN_USER_COUNT
LOAD_JOIN_BUFFER_TIME SERVER_ID_IS_HOSTNAME DEFAULT_MEETING_TTL MAX_MEETING_DURATION GET_MEETINGS_API_DISABLED
CREATE_EXCLUDE_PARAMS JOIN_EXCLUDE_PARAMS DEFAULT_CREATE_PARAMS OVERRIDE_CREATE_PARAMS DEFAULT_JOIN_PARAMS
OVERRIDE_JOIN_PARAMS RECORDING_DISABLED RECORDING_SPOOL_DIR RECORDING_WORK_DIR RECORDING_PUBLISH_DIR RECORDING_UNPUBLISH_DIR
RECORDING_IMPORT_UNPUBLISHED RECORDING_IMPORT_POLL RECORDING_IMPORT_POLL_INTERVAL RECORDING_PLAYBACK_FORMATS
GET_RECORDINGS_API_FILTERED PROTECTED_RECORDINGS_ENABLED PROTECTED_RECORDINGS_TOKEN_TIMEOUT PROTECTED_RECORDINGS_TIMEOUT
S3_RECORDING S3_BUCKET_NAME CLOUDFRONT_URL CF_KEY_PAIR_ID CF_PRIVATE_KEY_B64 VOICE_BRIDGE_LEN VOICE_BRIDGE_MIN
VOICE_BRIDGE_MAX USE_EXTERNAL_VOICE_BRIDGE FSAPI_PASSWORD FSAPI_MAX_DURATION NGINX_SSL NGINX_BEHIND_PROXY BEHIND_PROXY
NGINX_RECORDINGS_ONLY NGINX_HOSTNAME SCALELITE_API_PORT SCALELITE_TAG SCALELITE_RECORDING_DIR SCALELITE_API_EXTRA_OPTS
SCALELITE_NGINX_EXTRA_OPTS`

// Whatever Scalelite goes by is acted on here, or named at the start and when the pool is checked.
func TestServe_NamesUnusedSettings(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	help := bbbpool(t, data, "serve", "--help")
	// Acted on by a flag that is hidden, by another command, or for what it was set to.
	acted := map[string]bool{"BIND": true, "PORT": true, "URL_HOST": true, "MULTITENANCY_ENABLED": true, "BUILD_NUMBER": true}
	var unused []string
	cmd := command(t, data, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "AWS_REGION=here", "MULTITENANCY_ENABLED=false")
	for name := range strings.FieldsSeq(scalelites) {
		if acted[name] || regexp.MustCompile(`\b`+name+`\b`).MatchString(help) {
			continue
		}
		unused = append(unused, name)
		cmd.Env = append(cmd.Env, name+"=1")
	}
	p := serving(t, cmd)
	p.waitReady(t)
	check := bbbpool(t, data, "check")
	log := p.terminate(t)
	offline := command(t, data, "check")
	offline.Env = cmd.Env
	if out, err := offline.CombinedOutput(); !strings.Contains(string(out), "RAILS_ENV") {
		t.Errorf("check of a pool that is not running: %v\n%s", err, out)
	}
	for _, name := range append(unused, "AWS_REGION") {
		if !strings.Contains(log, `"`+name+`"`) {
			t.Errorf("%s is not named at the start", name)
		}
		if !strings.Contains(check, name) {
			t.Errorf("%s is not named by check", name)
		}
	}
	if len(unused) < 30 {
		t.Errorf("only %d are unused: %v", len(unused), unused)
	}
	if strings.Contains(log, "MULTITENANCY") {
		t.Error("tenants that nobody wants are named")
	}
}

// Its namespace in Redis means what it meant, also where it is none: a pool that looked elsewhere would find nothing there.
func TestDefaults_Namespace(t *testing.T) {
	for _, value := range []string{"", "other"} {
		t.Setenv("REDIS_NAMESPACE", value)
		var s driver.Settings
		if err := cli.Defaults(&s); err != nil || s.RedisNamespace != value {
			t.Errorf("%q is taken for %q, %v", value, s.RedisNamespace, err)
		}
	}
	if err := os.Unsetenv("REDIS_NAMESPACE"); err != nil {
		t.Fatal(err)
	}
	var s driver.Settings
	if err := cli.Defaults(&s); err != nil || s.RedisNamespace != "scalelite" {
		t.Errorf("by default it is %q, %v", s.RedisNamespace, err)
	}
}

// Scalelite's numbers and addresses mean what they meant, and its tenants are no reason not to start.
func TestServe_ScaleliteValues(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cmd := command(t, data, "serve")
	cmd.Env = append(cmd.Env, "CONNECT_TIMEOUT=0.5", "RESPONSE_TIMEOUT=7.25", "BIND=tcp://127.0.0.1", "PORT=0",
		"MULTITENANCY_ENABLED=true", "URL_HOST=pool.example.edu")
	p := serving(t, cmd)
	p.terminate(t)
	for setting, want := range map[string]string{
		"CONNECT_TIMEOUT=1e3": "1e3", "CONNECT_TIMEOUT=0x2": "0x2", "CONNECT_TIMEOUT=NaN": "NaN", "CONNECT_TIMEOUT=1.2.3": "1.2.3",
		"CONNECT_TIMEOUT=.": `"."`, "CONNECT_TIMEOUT=99999999999": "99999999999", "CONNECT_TIMEOUT=-1": "-1",
	} {
		cmd := command(t, data, "serve", "--listen", "127.0.0.1:0")
		cmd.Env = append(cmd.Env, setting)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, no %q in\n%s", setting, err, want, out)
		}
	}
}
