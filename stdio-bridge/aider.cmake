# aider: what AIDER's output means; knows no sockets and no processes
