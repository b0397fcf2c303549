// Pebble, an ACME server for rehearsals, that remembers its accounts and tells its roots.
//
// Pebble's own command forgets everything when it ends: a host would then hold an account that its authority does not
// know, which no real authority does to it.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

func main() {
	address := flag.String("listen", "", "`host:port` of the ACME directory, over TLS")
	certificate := flag.String("certificate", "", "`file` with the listener's certificate (PEM)")
	key := flag.String("key", "", "`file` with its key")
	nameServer := flag.String("name-server", "", "`host:port` that is asked for challenges, over TCP")
	lifetime := flag.Uint64("lifetime", 90*24*3600, "`seconds` that certificates are valid")
	accountsFile := flag.String("accounts", "", "`file` that keeps the accounts")
	rootsFile := flag.String("roots", "", "`file` (PEM) to which the root of this start is added")
	flag.Parse()
	if flag.NArg() > 0 || *address == "" || *accountsFile == "" || *rootsFile == "" {
		flag.Usage()
		os.Exit(2)
	}

	logger := log.New(os.Stdout, "", log.LstdFlags)
	store := db.NewMemoryStore()
	accounts, err := openAccounts(store, *accountsFile)
	if err != nil {
		logger.Fatalf("can't read the accounts: %v", err)
	}
	// One profile alone: an order that names none gets any of several.
	profiles := map[string]ca.Profile{
		"default": {Description: "The laptop cloud's", ValidityPeriod: *lifetime},
	}
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	if err := addRoot(*rootsFile, authority.GetRootCert(0).PEM()); err != nil {
		logger.Fatalf("can't tell the root: %v", err)
	}
	// Ports of HTTP and TLS challenges, which the laptop cloud has none of.
	validation := va.New(logger, 80, 443, false, *nameServer, store)
	// Seconds that a client is told to wait before it asks again for a challenge, and for an order.
	frontEnd := wfe.New(logger, store, validation, authority, []string{"pebble.test"}, false, false, 1, 1)
	handler := frontEnd.Handler()
	err = http.ListenAndServeTLS(*address, *certificate, *key, http.HandlerFunc(
		func(response http.ResponseWriter, request *http.Request) {
			handler.ServeHTTP(response, request)
			if request.Method != http.MethodPost {
				return
			}
			if err := accounts.save(); err != nil {
				logger.Printf("can't keep the accounts: %v", err)
			}
		}))
	logger.Fatalf("can't listen: %v", err)
}

// Certificates of earlier starts must still be verified, so it stands beside theirs.
func addRoot(name string, root []byte) error {
	before, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return writeWhole(name, append(before, root...), 0o644)
}

// Whole or not at all, whenever this is broken off.
func writeWhole(name string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(name+".next", content, mode); err != nil {
		return err
	}
	return os.Rename(name+".next", name)
}
