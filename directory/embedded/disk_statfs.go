//go:build linux || darwin || freebsd

package embedded

import "syscall"

// freeBytes is how much may be written to the disk that a folder is on, by those who are not root.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
