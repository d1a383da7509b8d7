// Package images writes what deploy/Dockerfile makes images of: the programs, linked statically,
// and the few files that a program needs where there is no system around it. It builds no image
// and asks no network: the certificates are those of a module.
//
// Start reading at [Write].
package images

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// User is who the programs run as, and who owns /data.
const User = 65532

// The modules' programs, and what they are called in the context.
const (
	sluice     = "sluice/cmd/sluice"
	natsServer = "github.com/nats-io/nats-server/v2"
)

// files of the system that the images have beside the certificates.
var files = map[string]string{
	"etc/passwd": fmt.Sprintf("root:x:0:0::/:/none\nsluice:x:%d:%d::/data:/none\n", User, User),
	"etc/group":  fmt.Sprintf("root:x:0:\nsluice:x:%d:\n", User),
}

// Certificates is the file of the authorities that fetching nodes trust, in the images. Another
// one may be mounted over it.
const Certificates = "/etc/ssl/certs/ca-certificates.crt"

// Write makes dir the context of a build: the Dockerfile, bin/ with the programs, system/ with
// the files that go to /, and the empty data/. The folder is emptied first; version is what the
// program says of itself. The working directory must be in the module, whose go.mod says which
// NATS server it is.
func Write(ctx context.Context, dir, version string) error {
	root, err := output(ctx, "env", "GOMOD")
	if err != nil {
		return err
	}
	docker, err := os.ReadFile(filepath.Join(filepath.Dir(root), "deploy", "Dockerfile"))
	if err != nil {
		return err
	}
	if err := empty(dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), docker, 0o644); err != nil {
		return err
	}
	if err := system(filepath.Join(dir, "system")); err != nil {
		return err
	}
	if err := folder(filepath.Join(dir, "data"), 0o700); err != nil {
		return err
	}
	bin := filepath.Join(dir, "bin")
	if err := build(ctx, filepath.Join(bin, "sluice"), sluice, "-s -w -X main.version="+version); err != nil {
		return err
	}
	return build(ctx, filepath.Join(bin, "nats-server"), natsServer, "-s -w")
}

// NATSVersion is that of the server in the images.
func NATSVersion(ctx context.Context) (string, error) {
	return output(ctx, "list", "-m", "-f", "{{.Version}}", natsServer)
}

// empty makes a folder empty, unless it looks like somebody's own.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, "Dockerfile")); err != nil {
			return fmt.Errorf("context %s: the folder holds other files; want a new one", dir)
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// system writes what the images have of a system.
func system(dir string) error {
	roots := authorities()
	if len(roots) == 0 {
		return errors.New("the module with the certificates holds none")
	}
	all := map[string]string{Certificates[1:]: string(roots)}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return folder(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky)
}

// folder makes an empty folder of a mode, whatever the process's mask is.
func folder(path string, mode os.FileMode) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// authorities are the certificates of Mozilla's list, in PEM. Those are left out that it trusts
// under conditions only, which a file can't say.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return b.Bytes()
}

// build links a program that needs nothing but a kernel.
func build(ctx context.Context, path, pkg, ldflags string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags, "-o", path, pkg)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// output asks the go command.
func output(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
