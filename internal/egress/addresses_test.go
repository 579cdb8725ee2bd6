package egress

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesThatAreNotOfTheInternetAreRefused(t *testing.T) {
	for address, want := range map[string]string{
		// IPv4
		"0.0.0.0": isMany, "0.0.0.1": isSpecial, "0.1.2.3": isSpecial,
		"10.1.2.3": isPrivate, "172.16.0.1": isPrivate, "172.31.255.255": isPrivate, "192.168.1.1": isPrivate,
		"100.64.0.1": isPrivate, "100.127.255.255": isPrivate, "100.100.100.200": isPrivate,
		"127.0.0.1": isLoopback, "127.255.255.255": isLoopback,
		"169.254.169.254": isLinkLocal, "169.254.170.2": isLinkLocal,
		"168.63.129.16": isProvider,
		"192.0.0.1":     isSpecial, "192.0.0.170": isSpecial, "192.0.0.192": isSpecial,
		"192.0.2.1": isSpecial, "198.51.100.7": isSpecial, "203.0.113.1": isSpecial,
		"192.88.99.1": isSpecial, "198.18.0.1": isSpecial, "198.19.255.255": isSpecial,
		"224.0.0.1": isMany, "239.1.1.1": isMany, "255.255.255.255": isMany, "240.0.0.1": isSpecial, "255.255.255.254": isSpecial,
		// IPv6
		"[::]": isMany, "[::1]": isLoopback, "[::1%lo]": isLoopback,
		"[fe80::1]": isLinkLocal, "[fe80::1%eth0]": isLinkLocal, "[fe80::a9fe:a9fe]": isLinkLocal,
		"[fc00::1]": isPrivate, "[fd00::1]": isPrivate, "[fd00:ec2::254]": isPrivate, "[fd20:ce::254]": isPrivate, "[fec0::1]": isPrivate,
		"[ff02::1]": isMany, "[ff0e::1]": isMany,
		"[100::1]": isSpecial, "[100:0:0:1::1]": isSpecial,
		"[2001:1::1]": isSpecial, "[2001:2::1]": isSpecial, "[2001:10::1]": isSpecial, "[2001:20::1]": isSpecial, "[2001:1ff::1]": isSpecial,
		"[2001:db8::1]": isSpecial, "[3fff::1]": isSpecial, "[5f00::1]": isSpecial,
		"[200::1]": isNotGlobal, "[4000::1]": isNotGlobal, "[8000::1]": isNotGlobal, "[1fff::1]": isNotGlobal,
		// IPv4 within IPv6
		"[::ffff:10.0.0.1]": isPrivate, "[::ffff:127.0.0.1]": isLoopback, "[::ffff:169.254.169.254]": isLinkLocal, "[::ffff:168.63.129.16]": isProvider,
		"[::ffff:0:127.0.0.1]": isNotGlobal,
		"[::7f00:1]":           "leads to 127.0.0.1, which " + isLoopback, "[::8.8.8.8]": isNotGlobal,
		"[64:ff9b::7f00:1]": "leads to 127.0.0.1, which " + isLoopback, "[64:ff9b::a9fe:a9fe]": "leads to 169.254.169.254, which " + isLinkLocal,
		"[64:ff9b::a83f:8110]": "leads to 168.63.129.16, which " + isProvider,
		"[64:ff9b:1::a00:1]":   isSpecial, "[64:ff9b:1::808:808]": isSpecial, "[64:ff9b::1:808:808]": isNotGlobal,
		"[2002:7f00:1::]": "leads to 127.0.0.1, which " + isLoopback, "[2002:a9fe:a9fe::1]": "leads to 169.254.169.254, which " + isLinkLocal,
		"[2001::1]":                      "leads to 0.0.0.0, which " + isMany,
		"[2001:0:a00:1::f7f7:f7f7]":      "leads to 10.0.0.1, which " + isPrivate,   // the server
		"[2001:0:808:808::80ff:fffe]":    "leads to 127.0.0.1, which " + isLoopback, // the client
		"[2001:0:808:808::f7f7:f7f7]":    isSpecial,
		"[2a00:1450::5efe:10.0.0.1]":     "leads to 10.0.0.1, which " + isPrivate,
		"[2a00:1450::200:5efe:7f00:1]":   "leads to 127.0.0.1, which " + isLoopback,
		"[2002:808:808::5efe:a9fe:a9fe]": "leads to 169.254.169.254, which " + isLinkLocal,
	} {
		err := guard(Policy{})("tcp", address+":80", nil)
		require.ErrorContains(t, err, "address "+address+":80 "+want+", so", address)
		require.True(t, IsRefused(err), address)
		require.NoError(t, guard(Policy{Private: true})("tcp", address+":80", nil), address)
	}
}

func TestAddressesOfTheInternetAreReached(t *testing.T) {
	for _, address := range []string{
		"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "168.63.129.15", "172.15.255.255", "172.32.0.1", "192.0.1.1",
		"192.31.196.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
		"[2606:4700::1111]", "[2a00:1450:4001:800::200e]", "[2001:200::1]", "[2001:4860:4860::8888]", "[2001:db7::1]", "[2620:4f:8000::1]", "[2400::1%eth0]",
		"[::ffff:8.8.8.8]", "[64:ff9b::808:808]", "[2002:808:808::1]", "[2a00:1450::5efe:8.8.8.8]",
	} {
		require.NoError(t, guard(Policy{})("tcp", address+":443", nil), address)
	}
}
