package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"sync"
	"unsafe"

	"github.com/letsencrypt/pebble/v2/core"
	"github.com/letsencrypt/pebble/v2/db"
)

// The accounts of a store, kept in a file.
type accounts struct {
	store *db.MemoryStore
	byID  map[string]*core.Account
	file  string
	saved []byte
	turn  sync.Mutex
}

type savedAccount struct {
	ID      string        `json:"id"`
	Account *core.Account `json:"account"`
}

// Puts the accounts of a file into an empty store. The store gives new accounts a random number and has no other way
// in, so its index is reached by its name: `go.sum` pins the version that has it.
func openAccounts(store *db.MemoryStore, file string) (*accounts, error) {
	index := reflect.ValueOf(store).Elem().FieldByName("accountsByID")
	a := &accounts{
		store: store,
		byID:  *(*map[string]*core.Account)(unsafe.Pointer(index.UnsafeAddr())),
		file:  file,
	}
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return a, nil
	} else if err != nil {
		return nil, err
	}
	var before []savedAccount
	if err := json.Unmarshal(content, &before); err != nil {
		return nil, err
	}
	for _, one := range before {
		one.Account.ID = one.ID
		a.byID[one.ID] = one.Account
		// Indexes it by its key as well.
		if err := store.UpdateAccountByID(one.ID, one.Account); err != nil {
			return nil, err
		}
	}
	a.saved = content
	return a, nil
}

// Writes the file when an account is new or changed.
func (a *accounts) save() error {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.store.RLock()
	all := make([]savedAccount, 0, len(a.byID))
	for id, account := range a.byID {
		all = append(all, savedAccount{ID: id, Account: account})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].ID < all[j].ID })
	content, err := json.Marshal(all)
	a.store.RUnlock()
	if err != nil || bytes.Equal(content, a.saved) {
		return err
	}
	if err := writeWhole(a.file, content, 0o600); err != nil {
		return err
	}
	a.saved = content
	return nil
}
