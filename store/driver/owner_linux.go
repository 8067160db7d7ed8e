package driver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// actAsOwner makes the process act as whoever owns a directory, if it is root's and the directory is not: what root writes
// there, the service could neither change nor delete. It returns what makes it root again.
func actAsOwner(dir string) (back func() error, err error) {
	none := func() error { return nil }
	info, err := os.Stat(dir)
	if err != nil {
		return none, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return none, nil
	}
	groups, err := os.Getgroups()
	if err != nil {
		return none, err
	}
	gid := os.Getegid()
	back = func() error {
		return errors.Join(syscall.Setresuid(-1, 0, -1), syscall.Setresgid(-1, gid, -1), syscall.Setgroups(groups))
	}
	err = errors.Join(syscall.Setgroups(groupsOf(owner)), syscall.Setresgid(-1, int(owner.Gid), -1),
		syscall.Setresuid(-1, int(owner.Uid), -1))
	if err != nil {
		return none, fmt.Errorf("act as the owner of %s, uid %d: %w", dir, owner.Uid, errors.Join(err, back()))
	}
	return back, nil
}

// groupsOf are the groups of an owner, as far as they are known.
func groupsOf(owner *syscall.Stat_t) []int {
	groups := []int{int(owner.Gid)}
	account, err := user.LookupId(strconv.FormatUint(uint64(owner.Uid), 10))
	if err != nil {
		return groups
	}
	ids, err := account.GroupIds()
	if err != nil {
		return groups
	}
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil {
			groups = append(groups, gid)
		}
	}
	return groups
}
