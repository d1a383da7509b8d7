package bus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/minio/highwayhash"
	"github.com/nats-io/nats-server/v2/server"
)

// metaFiles match what a server has written of its streams' and consumers' settings,
// below its folder.
var metaFiles = []string{
	StoreDir + "/*/streams/*/" + server.JetStreamMetaFile,
	StoreDir + "/*/streams/*/obs/*/" + server.JetStreamMetaFile,
}

// mendMeta completes the settings that a kill has left half written, before a server reads
// them. The server writes the settings of a new stream or consumer first and their checksum
// behind them, passes over at its start what has no checksum, and when it is told to make it
// once more, it uses the settings that are there and writes no checksum then either: what
// is stored from then on would be lost at each later start.
//
// Settings that are whole get their checksum: that is the end of the creation. Others are
// removed, so that the next creation writes both. Nothing that is stored is touched.
func mendMeta(dir string, log hclog.Logger) error {
	for _, pattern := range metaFiles {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return err
		}
		for _, file := range found {
			did, err := mendOne(dir, file)
			switch {
			case errors.Is(err, fs.ErrNotExist): // a server that was here still deletes it
			case err != nil:
				return fmt.Errorf("mend what a kill has left: %w", err)
			case did != "":
				log.Info("mended what a kill has left", "file", file, "done", did)
			}
		}
	}
	return nil
}

// mendOne returns what it had to do, "" for nothing.
func mendOne(dir, file string) (did string, err error) {
	parts := strings.Split(path.Dir(file), "/")[3:] // the stream's name, or that, "obs" and the consumer's
	if strings.HasPrefix(parts[0], ".") {
		return "", nil // deleted: the server removes the rest
	}
	inf := filepath.Join(dir, filepath.FromSlash(file))
	text, err := os.ReadFile(inf)
	if err != nil {
		return "", err
	}
	var settings struct{ Name string }
	if json.Unmarshal(text, &settings) != nil || settings.Name != parts[len(parts)-1] {
		return "removed: not whole", os.Remove(inf)
	}
	want, err := metaSum(text, parts)
	if err != nil {
		return "", err
	}
	sum := filepath.Join(filepath.Dir(inf), server.JetStreamMetaFileSum)
	got, err := os.ReadFile(sum)
	if err == nil && string(got) == want {
		return "", nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return "checksum written", os.WriteFile(sum, []byte(want), 0o600)
}

// metaSum is the checksum that the server wants beside the settings.
func metaSum(text []byte, parts []string) (string, error) {
	name := parts[0]
	if len(parts) > 1 {
		name += "/" + parts[len(parts)-1]
	}
	key := sha256.Sum256([]byte(name))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return "", err
	}
	hash.Write(text)
	return hex.EncodeToString(hash.Sum(nil)), nil
}
