package natsconf

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RoutesFile, in the folder of [Setup] or [Own], has what the servers of a cluster show each
// other. All of them must have the same.
const RoutesFile = "routes.pw"

// Own returns the accounts of a server that serves one project, without limits, as Setup's
// are: a seed for each role lies in the folder of the project's name within dir, and those that
// exist are kept. The folders have mode 0700, files 0600.
func Own(dir, project string) ([]Account, error) {
	if err := checkProject(project); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, project), 0o700); err != nil {
		return nil, err
	}
	data, control := Account{Name: project}, Account{Name: ControlAccount(project)}
	for role, account := range map[Role]*Account{Coordinator: &data, Worker: &data, Control: &control} {
		key, err := keyOf(filepath.Join(dir, project, SeedOf(role)))
		if err != nil {
			return nil, err
		}
		account.Users = append(account.Users, User{NKey: key, Role: role})
	}
	return []Account{data, control}, nil
}

// RoutePassword returns what the folder's RoutesFile holds, and makes it where there is none.
func RoutePassword(dir string) (string, error) {
	file := filepath.Join(dir, RoutesFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		made := rand.Text()
		return made, replace(file, []byte(made+"\n"))
	}
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(text))
	if len(password) < 16 || len(password) > 128 || strings.ContainsFunc(password, func(r rune) bool { return !IsName(string(r)) }) {
		return "", fmt.Errorf("route password file %s: want 16 to 128 letters, digits, - and _; without the file a new one is made", file)
	}
	return password, nil
}
