package enginehost

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// listening is the state of a socket in /proc/net/tcp that waits for connections.
const listening = "0A"

// checkListener reports, without an error, that a socket of the process pid listens at
// address, an IPv4 address of this machine with its port. Where /proc cannot be read,
// it cannot tell, and reports nothing.
func checkListener(address string, pid int) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	table, err := os.Open("/proc/net/tcp")
	if err != nil {
		return nil //nolint:nilerr // there is no /proc
	}
	defer func() { _ = table.Close() }()
	inodes := listeners(table, at)
	if len(inodes) == 0 {
		return errors.New("no process listens there any more")
	}
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(open) == 0 {
		return fmt.Errorf("process %d is gone", pid)
	}
	for _, one := range open {
		target, err := os.Readlink(one)
		if err != nil {
			continue // it was closed meanwhile
		}
		if inode, found := strings.CutPrefix(target, "socket:["); found && inodes[strings.TrimSuffix(inode, "]")] {
			return nil
		}
	}
	return fmt.Errorf("another process than %d listens there", pid)
}

// listeners are the inodes of the sockets that listen at an address, or at all
// addresses with its port.
func listeners(table io.Reader, at netip.AddrPort) map[string]bool {
	b := at.Addr().Unmap().As4()
	reversed := []byte{b[3], b[2], b[1], b[0]} // as the kernel of a little-endian machine prints it
	wanted := []string{
		fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(reversed)), at.Port()),
		fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(b[:])), at.Port()), // of a big-endian one
		fmt.Sprintf("00000000:%04X", at.Port()),
	}
	found := map[string]bool{}
	for lines := bufio.NewScanner(table); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		for _, one := range wanted {
			if fields[1] == one {
				found[fields[9]] = true
			}
		}
	}
	return found
}
