package crash

const workerURL = "SLUICE_TEST_WORKER"

func workerMain(url string) int { return 1 }
