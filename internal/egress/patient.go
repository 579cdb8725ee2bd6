package egress

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a failed write waits for the other side's last words.
const patience = time.Second

// patientConn lets an early refusal be heard. A store that refuses a large body
// answers and closes without reading the rest; the kernel then resets the
// connection, our write fails, and net/http reports that failure although the
// answer lies in the receive buffer. So a failed write is not reported until
// the reading side has had its turn: it either finds the answer, whereupon the
// connection is closed, or fails itself.
//
// Measured with a gateway that does so: without this, half of the answers to
// refused bodies of 5 MiB were lost.
type patientConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
	wrote  atomic.Int64
}

func (c *patientConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	if err != nil && c.wrote.Load() > 0 {
		c.linger()
	}
	return n, err
}

func (c *patientConn) linger() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.closed:
	case <-timer.C:
	}
}

func (c *patientConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
