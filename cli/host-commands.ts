/** What the command `mailhost` on the host knows, beside `help`; on one's own computer they are known to say so. */
export const hostCommands = [
    ...["status", "logs", "renew", "setup", "backup", "restore", "upgrade"],
    "menu",
];
