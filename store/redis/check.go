package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// The oldest version that works.
const (
	oldestMajor = 5
	oldestName  = "5.0"
)

// Check looks at how the server is set up, and returns what is wrong with that, in sentences for operators. Its error is that
// it does not answer.
func (db *DB) Check(ctx context.Context) (problems []string, err error) {
	err = db.within(ctx, 1, "look at how Redis is set up", func(ctx context.Context) error {
		text, err := await(ctx, func() (string, error) { return db.client.Info(ctx).Result() })
		if err != nil {
			return away(err)
		}
		info := infoOf(text)
		problems = append(version(info), eviction(info)...)
		problems = append(problems, replication(info)...)
		problems = append(problems, db.persistence(ctx, info)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return problems, nil
}

// infoOf takes apart what INFO says.
func infoOf(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

func version(info map[string]string) []string {
	is := info["redis_version"]
	major, _, _ := strings.Cut(is, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestMajor {
		return []string{fmt.Sprintf("Redis is of version %.20q; want %s or later", is, oldestName)}
	}
	return nil
}

// eviction is about a server that forgets when it is full, and says nothing.
func eviction(info map[string]string) []string {
	policy := info["maxmemory_policy"]
	if policy == "" || policy == "noeviction" {
		return nil
	}
	return []string{fmt.Sprintf(
		"Redis forgets records when its memory is full (maxmemory-policy is %.40s): set maxmemory-policy noeviction", policy)}
}

func replication(info map[string]string) []string {
	if role := info["role"]; role == "slave" {
		return []string{"this Redis is a replica, which takes no writes: name its master, or the sentinels"}
	}
	if info["cluster_enabled"] == "1" {
		return []string{"this is a Redis Cluster, whose scripts cannot write keys of several servers: name one Redis, or sentinels"}
	}
	return nil
}

// persistence is about a server that has forgotten everything after a restart. Not every server lets itself be asked.
func (db *DB) persistence(ctx context.Context, info map[string]string) (problems []string) {
	if info["rdb_last_bgsave_status"] == "err" {
		problems = append(problems, "Redis could not save to its disk: see its log")
	}
	if info["aof_enabled"] == "1" {
		if info["aof_last_write_status"] == "err" {
			problems = append(problems, "Redis could not write its append-only file: see its log")
		}
		return problems
	}
	set, err := await(ctx, func() (map[string]string, error) { return db.client.ConfigGet(ctx, "save").Result() })
	switch {
	case err != nil:
		return append(problems, "Redis does not say whether it saves (CONFIG is not allowed), and has no append-only file: "+
			"see that appendonly yes is set")
	case strings.TrimSpace(set["save"]) == "":
		return append(problems, "Redis keeps nothing over a restart: set appendonly yes")
	}
	return problems
}
