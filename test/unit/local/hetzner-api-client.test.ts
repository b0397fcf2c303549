// The simulated API against a client that knows nothing of it: hcloud-python, which its provider wrote. It is installed
// from PyPI into a virtual environment in the cache, the first time.
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../../../cli/run-program";
import { pythonWith } from "../../engine/support/python-package";
import { TestCloud, token } from "./hetzner-api-cloud";

const clientVersion = "2.27.0";

const program = `
import json, sys
from hcloud import APIException, Client
from hcloud.firewalls import FirewallResource, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

endpoint, token, public_key = json.load(sys.stdin)
client = Client(token=token, api_endpoint=endpoint, poll_interval=0.05)
seen = []

def note(*values):
    seen.append(list(values))

def refused(what, call):
    try:
        call()
    except APIException as error:
        note(what, error.code)
    else:
        note(what, "not refused")

def finished(*actions):
    for action in actions:
        if action is not None:
            action.wait_until_finished()

fsn1 = client.locations.get_by_name("fsn1")
cx23 = client.server_types.get_by_name("cx23")
note("location", fsn1.city, fsn1.network_zone)
note("server type", cx23.cores, cx23.memory, cx23.disk, cx23.architecture)
note("image", client.images.get_by_name_and_architecture("debian-13", "x86").os_flavor)

key = client.ssh_keys.create(name="key", public_key=public_key, labels={"a": "b"})
four = client.primary_ips.create(type="ipv4", name="four", location=Location("fsn1")).primary_ip
six = client.primary_ips.create(type="ipv6", name="six", location=Location("fsn1"), auto_delete=True).primary_ip
made = client.volumes.create(size=10, name="data", location=fsn1)
finished(made.action, *made.next_actions)
volume = made.volume
rule = FirewallRule(direction="in", protocol="tcp", port="25", source_ips=["0.0.0.0/0", "::/0"])
firewall = client.firewalls.create(name="fw", rules=[rule]).firewall

made = client.servers.create(
    name="mx", server_type=ServerType("cx23"), image=Image(name="debian-13"), location=fsn1,
    ssh_keys=[key], firewalls=[firewall], user_data="#cloud-config\\n", labels={"role": "mx"},
    public_net=ServerCreatePublicNetwork(ipv4=four, ipv6=six))
finished(made.action, *made.next_actions)
server = client.servers.get_by_name("mx")
note("server", server.status, server.server_type.name, server.image.name, server.location.name,
     server.public_net.ipv4.ip, server.public_net.ipv6.ip, server.primary_disk_size)
note("selected", [s.name for s in client.servers.get_all(label_selector="role=mx")])

finished(volume.attach(server))
refused("attached twice", lambda: volume.attach(server))
volume.reload()
note("volume", volume.server.id == server.id, volume.linux_device == f"/dev/disk/by-id/scsi-0HC_Volume_{volume.id}")

finished(server.change_dns_ptr(server.public_net.ipv4.ip, "mx.example.com"))
finished(client.primary_ips.get_by_name("six").change_dns_ptr("2001:db8:7:b::1", "mx.example.com"))
server.reload()
note("ptr", server.public_net.ipv4.dns_ptr, server.public_net.ipv6.dns_ptr)

firewall.reload()
note("applied", [r.server.id == server.id for r in firewall.applied_to])
finished(*firewall.set_rules([FirewallRule(direction="in", protocol="icmp", source_ips=["::/0"])]))
refused("firewall in use", lambda: firewall.delete())
finished(*firewall.remove_from_resources([FirewallResource(type="server", server=server)]))

refused("name taken", lambda: client.servers.create(
    name="mx", server_type=ServerType("cx23"), image=Image(name="debian-13"), location=fsn1))
refused("other architecture", lambda: client.servers.create(
    name="arm", server_type=ServerType("cax11"), image=Image(name="debian-13"), location=fsn1))
refused("image not here", lambda: client.servers.create(
    name="ub", server_type=ServerType("cx23"), image=Image(name="ubuntu-24.04"), location=fsn1))
refused("running", lambda: server.change_type(ServerType("cx33"), upgrade_disk=False))
refused("rebuild", lambda: server.rebuild(Image(name="debian-13")))
finished(server.shutdown())
finished(server.change_type(ServerType("cx33"), upgrade_disk=True))
server.reload()
note("changed", server.status, server.server_type.name, server.primary_disk_size)

finished(volume.detach(), volume.resize(20), volume.change_protection(delete=True))
refused("protected", lambda: volume.delete())
finished(volume.change_protection(delete=False), server.change_protection(delete=True, rebuild=True))
refused("protected server", lambda: server.delete())
finished(server.change_protection(delete=False, rebuild=False))
finished(server.delete())
refused("gone", lambda: client.servers.get_by_id(server.id))
note("auto delete", [ip.name for ip in client.primary_ips.get_all()])
for left in (volume, firewall, client.primary_ips.get_by_name("four"), key):
    left.delete()
refused("wrong token", lambda: Client(token="x" * 64, api_endpoint=endpoint).servers.get_all())
print(json.dumps(seen))
`;

test("hcloud-python drives every kind of object", async (t) => {
    const client = await pythonWith("hcloud", clientVersion);
    if ("missing" in client) {
        t.skip(`hcloud-python can't be installed here: ${client.missing}`);
        return;
    }
    const key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPYnsUdrzIzKjr5rDn4LxVgCTYJ5kWxYaV1hJ1nDl5Qx a@b";
    const cloud = await TestCloud.open();
    try {
        const printed = await run(client.python, ["-c", program], {
            input: JSON.stringify([cloud.endpoint, token, key]),
            timeoutSeconds: 60,
        });
        assert.deepEqual(JSON.parse(printed), [
            ["location", "Falkenstein", "eu-central"],
            ["server type", 2, 4, 40, "x86"],
            ["image", "debian"],
            [
                "server",
                "running",
                "cx23",
                "debian-13",
                "fsn1",
                "198.18.7.10",
                "2001:db8:7:b::/64",
                40,
            ],
            ["selected", ["mx"]],
            ["attached twice", "volume_already_attached"],
            ["volume", true, true],
            ["ptr", "mx.example.com", [{ ip: "2001:db8:7:b::1", dns_ptr: "mx.example.com" }]],
            ["applied", [true]],
            ["firewall in use", "resource_in_use"],
            ["name taken", "uniqueness_error"],
            ["other architecture", "resource_unavailable"],
            ["image not here", "resource_unavailable"],
            ["running", "server_not_stopped"],
            ["rebuild", "unsupported_error"],
            ["changed", "running", "cx33", 80],
            ["protected", "protected"],
            ["protected server", "protected"],
            ["gone", "not_found"],
            ["auto delete", ["four"]],
            ["wrong token", "unauthorized"],
        ]);
        assert.deepEqual(
            (["server", "volume", "firewall", "primary_ip", "ssh_key"] as const).flatMap((kind) =>
                cloud.project.store.all(kind),
            ),
            [],
        );
    } finally {
        await cloud.close();
    }
});
