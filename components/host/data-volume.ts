/** Where the data volume is mounted: upstream's folder, so that every path that its users know is on the volume. */
export const dataMountPoint = "/root/forwardemail.net/self-hosting";

/** The mount's unit: systemd demands that its name is the escaped path. */
export const dataMountUnit = "root-forwardemail.net-self\\x2dhosting.mount";

/** Waits for the device, makes or checks its file system; its failure says why nothing runs. */
export const dataPrepareUnit = "mailhost-data.service";

/** Holds one line, the device's path. */
export const dataDeviceFile = "/etc/mailhost/data-device";
