// FerretDB over SQLite, with the few settings that the laptop cloud needs.
//
// FerretDB's own command can't be built from its Go module: it panics without a version file that is not in it.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	address := flag.String("listen-addr", "127.0.0.1:27017", "`host:port` to listen at")
	data := flag.String("sqlite-url", "file:data/", "`URI` of the folder of the databases, with a slash at its end")
	flag.Parse()
	if flag.NArg() > 0 {
		slog.Error("takes no arguments", "got", flag.Args())
		os.Exit(2)
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))

	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *address},
		Handler:   "sqlite",
		SQLiteURL: *data,
	})
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx); err != nil {
		slog.Error("ended", "error", err)
		os.Exit(1)
	}
}
