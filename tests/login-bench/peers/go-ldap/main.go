// Logins and listings through go-ldap, as servers in Go do them.
//
// usage: go-ldap STRATEGY URL START_TLS CA_FILE BASE SERVICE_DN CALLERS USERS ATTRIBUTE[,ATTRIBUTE]...
//
// STRATEGY is `A`: dial, bind as the service account, search, bind as the user on the same connection, close; or `2`:
// the user's bind on a second connection, as most products do it.
//
// Standard input: the service account's password; what stands before the login in every user's password; then commands,
// a line each. `round MILLISECONDS` is answered by `LOGINS FAILED ELAPSED_NS CPU_NS P50_NS P99_NS`, and so is `cold
// MILLISECONDS MICROSECONDS`, in which nothing is done for so long before each login; `list PAGE` and `list-kept PAGE` by
// `USERS ELAPSED_NS`.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand"
	"net"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-ldap/ldap/v3"
)

type target struct {
	url             string
	startTLS        bool
	tls             *tls.Config
	base            string
	serviceDN       string
	servicePassword string
	passwordPrefix  string
	users           int
	attributes      []string
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "go-ldap: %s: %v\n", what, err)
	os.Exit(1)
}

func (t *target) dial() *ldap.Conn {
	conn, err := ldap.DialURL(t.url, ldap.DialWithTLSConfig(t.tls))
	if err != nil {
		fail("dial", err)
	}
	if t.startTLS {
		if err := conn.StartTLS(t.tls); err != nil {
			fail("StartTLS", err)
		}
	}
	return conn
}

func (t *target) service() *ldap.Conn {
	conn := t.dial()
	if err := conn.Bind(t.serviceDN, t.servicePassword); err != nil {
		fail(t.serviceDN, err)
	}
	return conn
}

// With a request for what the password policy says of the user, as the plugin makes it.
func bindUser(conn *ldap.Conn, dn, password string) {
	policy := []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}
	if _, err := conn.SimpleBind(ldap.NewSimpleBindRequest(dn, password, policy)); err != nil {
		fail(dn, err)
	}
}

func (t *target) logIn(strategy string, random *rand.Rand) {
	login := fmt.Sprintf("user%05d", random.Intn(t.users)+1)
	conn := t.service()
	found, err := conn.Search(ldap.NewSearchRequest(t.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, 0, false,
		"(uid="+ldap.EscapeFilter(login)+")", t.attributes, nil))
	if err != nil {
		fail(login, err)
	}
	if len(found.Entries) != 1 {
		fail(login, fmt.Errorf("%d entries", len(found.Entries)))
	}
	if strategy == "2" {
		conn.Close()
		conn = t.dial()
	}
	bindUser(conn, found.Entries[0].DN, t.passwordPrefix+login)
	conn.Close()
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("getrusage", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (t *target) round(strategy string, callers int, length, quiet time.Duration) {
	all := make([][]time.Duration, callers)
	cpu, start := cpuTime(), time.Now()
	deadline := start.Add(length)
	var running sync.WaitGroup
	for index := range all {
		running.Add(1)
		go func(index int) {
			defer running.Done()
			random := rand.New(rand.NewSource(time.Now().UnixNano() + int64(index)))
			for time.Now().Before(deadline) {
				if quiet > 0 {
					time.Sleep(quiet)
				}
				before := time.Now()
				t.logIn(strategy, random)
				all[index] = append(all[index], time.Since(before))
			}
		}(index)
	}
	running.Wait()
	elapsed, spent := time.Since(start), cpuTime()-cpu
	var latencies []time.Duration
	for _, some := range all {
		latencies = append(latencies, some...)
	}
	sort.Slice(latencies, func(a, b int) bool { return latencies[a] < latencies[b] })
	count := len(latencies)
	if count == 0 {
		fail("round", fmt.Errorf("not one login in %v", length))
	}
	fmt.Println(count, 0, elapsed.Nanoseconds(), spent.Nanoseconds(), latencies[count/2].Nanoseconds(),
		latencies[count*99/100].Nanoseconds())
}

func (t *target) everybody() *ldap.SearchRequest {
	return ldap.NewSearchRequest(t.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(uid=*)",
		t.attributes, nil)
}

// go-ldap's own paging, which keeps every entry until the last is there.
func (t *target) listKept(size uint32) {
	start := time.Now()
	conn := t.service()
	all, err := conn.SearchWithPaging(t.everybody(), size)
	if err != nil {
		fail("list", err)
	}
	conn.Close()
	fmt.Println(len(all.Entries), time.Since(start).Nanoseconds())
}

// Page by page, as memory that does not grow wants it.
func (t *target) list(size uint32) {
	start := time.Now()
	conn := t.service()
	paging := ldap.NewControlPaging(size)
	users := 0
	for {
		request := t.everybody()
		request.Controls = []ldap.Control{paging}
		page, err := conn.Search(request)
		if err != nil {
			fail("list", err)
		}
		users += len(page.Entries)
		answer, is := ldap.FindControl(page.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !is || len(answer.Cookie) == 0 {
			break
		}
		paging.SetCookie(answer.Cookie)
	}
	conn.Close()
	fmt.Println(users, time.Since(start).Nanoseconds())
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 {
		fail(text, fmt.Errorf("not a number above 0"))
	}
	return value
}

func main() {
	if len(os.Args) != 10 {
		fmt.Fprintln(os.Stderr, "usage: go-ldap STRATEGY URL START_TLS CA_FILE BASE SERVICE_DN CALLERS USERS ATTRIBUTE[,ATTRIBUTE]...")
		os.Exit(2)
	}
	strategy, callers := os.Args[1], number(os.Args[7])
	t := &target{url: os.Args[2], startTLS: os.Args[3] == "1", base: os.Args[5], serviceDN: os.Args[6],
		users: number(os.Args[8]), attributes: strings.Split(os.Args[9], ",")}
	pem, err := os.ReadFile(os.Args[4])
	if err != nil {
		fail("the CA's certificate", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	address, err := url.Parse(t.url)
	if err != nil {
		fail(t.url, err)
	}
	host, _, err := net.SplitHostPort(address.Host)
	if err != nil {
		fail(t.url, err)
	}
	// With sessions to resume, as the plugin has them: slapd with GnuTLS offers none, others may.
	t.tls = &tls.Config{RootCAs: roots, ServerName: host, ClientSessionCache: tls.NewLRUClientSessionCache(0)}

	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	t.servicePassword = lines.Text()
	lines.Scan()
	t.passwordPrefix = lines.Text()
	fmt.Println("ready")
	for lines.Scan() {
		var value, quiet int
		if _, err := fmt.Sscanf(lines.Text(), "round %d", &value); err == nil {
			t.round(strategy, callers, time.Duration(value)*time.Millisecond, 0)
		} else if _, err := fmt.Sscanf(lines.Text(), "cold %d %d", &value, &quiet); err == nil {
			t.round(strategy, callers, time.Duration(value)*time.Millisecond, time.Duration(quiet)*time.Microsecond)
		} else if _, err := fmt.Sscanf(lines.Text(), "list %d", &value); err == nil {
			t.list(uint32(value))
		} else if _, err := fmt.Sscanf(lines.Text(), "list-kept %d", &value); err == nil {
			t.listKept(uint32(value))
		} else {
			fail(lines.Text(), fmt.Errorf("no such command"))
		}
	}
}
