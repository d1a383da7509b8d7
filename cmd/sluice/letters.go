package main

import ("context")

type localDead struct{}

func (localDead) List(context.Context, deadListCmd, streams) error { return nil }
func (localDead) Show(context.Context, deadShowCmd, streams) error { return nil }
func (localDead) Replay(context.Context, deadReplayCmd, streams) error { return nil }
