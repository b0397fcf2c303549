// Drives every kind of object of DigitalOcean's API with DigitalOcean's own client, which its Pulumi provider is made of
// too, and prints what it saw as JSON. Standard input is JSON: the endpoint, the token and an SSH public key.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/digitalocean/godo"
)

var (
	ctx    = context.Background()
	client *godo.Client
	seen   [][]any
)

func note(values ...any) { seen = append(seen, values) }

func must[T any](value T, _ *godo.Response, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func done(_ *godo.Response, err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Notes the status and the message with which something was refused.
func refused(what string, err error) {
	var failure *godo.ErrorResponse
	if errors.As(err, &failure) {
		note(what, failure.Response.StatusCode, failure.Message)
	} else {
		note(what, fmt.Sprint(err))
	}
}

// Waits for the end of an action.
func finished(action *godo.Action) string {
	for range 200 {
		action = must(client.Actions.Get(ctx, action.ID))
		if action.Status != godo.ActionInProgress {
			return action.Status
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "still in progress"
}

// Waits until a Droplet is as wanted, or gone.
func droplet(id int, status string) *godo.Droplet {
	for range 200 {
		found, response, err := client.Droplets.Get(ctx, id)
		if err != nil && response != nil && response.StatusCode == 404 {
			return nil
		}
		if found = must(found, response, err); found.Status == status && !found.Locked {
			return found
		}
		time.Sleep(20 * time.Millisecond)
	}
	log.Fatalf("Droplet %d does not become %s", id, status)
	return nil
}

func connect(endpoint, token string) *godo.Client {
	made := godo.NewFromToken(token)
	if err := godo.SetBaseURL(endpoint)(made); err != nil {
		log.Fatal(err)
	}
	return made
}

func main() {
	var given [3]string
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		log.Fatal(err)
	}
	client = connect(given[0], given[1])
	offers()
	host(given[2])
	_, _, err := connect(given[0], "dop_v1_wrong").Droplets.List(ctx, nil)
	refused("wrong token", err)
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		log.Fatal(err)
	}
}

func offers() {
	all := &godo.ListOptions{PerPage: 200}
	for _, region := range must(client.Regions.List(ctx, all)) {
		if region.Slug == "fra1" {
			note("region", region.Name, region.Available)
		}
	}
	for _, size := range must(client.Sizes.List(ctx, all)) {
		if size.Slug == "s-2vcpu-4gb" {
			note("size", size.Memory, size.Vcpus, size.Disk)
		}
	}
	image := must(client.Images.GetBySlug(ctx, "debian-13-x64"))
	note("image", image.Distribution, image.Slug)
	note("account", must(client.Account.Get(ctx)).Status)
}

func host(publicKey string) {
	key := must(client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "key", PublicKey: publicKey}))
	_, _, err := client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "again", PublicKey: publicKey})
	refused("key twice", err)
	volume := must(client.Storage.CreateVolume(ctx, &godo.VolumeCreateRequest{
		Name: "mx-data", Region: "fra1", SizeGigaBytes: 10, Tags: []string{"mail"},
	}))
	project := must(client.Projects.Create(ctx, &godo.CreateProjectRequest{Name: "mail", Purpose: "Mail"}))

	request := &godo.DropletCreateRequest{
		Name: "mx.example.com", Region: "fra1", Size: "s-2vcpu-4gb", IPv6: true, UserData: "#cloud-config\n",
		Image:   godo.DropletCreateImage{Slug: "debian-13-x64"},
		SSHKeys: []godo.DropletCreateSSHKey{{ID: key.ID}}, Tags: []string{"mail"},
	}
	made, response, err := client.Droplets.Create(ctx, request)
	made = must(made, response, err)
	note("new", made.Status, made.Locked, len(made.Networks.V4), response.Links.Actions[0].Rel)
	up := droplet(made.ID, "active")
	ipv4, _ := up.PublicIPv4()
	ipv6, _ := up.PublicIPv6()
	note("droplet", up.Size.Slug, up.Region.Slug, up.Image.Slug, up.Disk, up.Features, ipv4, ipv6)

	attached := must(client.StorageActions.Attach(ctx, volume.ID, up.ID))
	note("attach", attached.Type, finished(attached))
	_, _, err = client.StorageActions.Attach(ctx, volume.ID, up.ID)
	refused("attached twice", err)
	_, err = client.Storage.DeleteVolume(ctx, volume.ID)
	refused("attached volume", err)
	note("volume", must(client.Storage.GetVolume(ctx, volume.ID)).DropletIDs[0] == up.ID)
	note("resize", finished(must(client.StorageActions.Resize(ctx, volume.ID, 20, "fra1"))))

	firewall := firewallOf(up.ID)
	urns := []any{up.URN(), volume.URN()}
	for _, resource := range must(client.Projects.AssignResources(ctx, project.ID, urns...)) {
		note("assigned", resource.Status)
	}
	_, err = client.Projects.Delete(ctx, project.ID)
	refused("project in use", err)

	_, _, err = client.DropletActions.Resize(ctx, up.ID, "s-4vcpu-8gb", false)
	refused("running", err)
	note("power off", finished(must(client.DropletActions.PowerOff(ctx, up.ID))))
	note("other size", finished(must(client.DropletActions.Resize(ctx, up.ID, "s-4vcpu-8gb", false))))
	note("power on", finished(must(client.DropletActions.PowerOn(ctx, up.ID))))
	note("rename", finished(must(client.DropletActions.Rename(ctx, up.ID, "mail.example.com"))))
	up = droplet(up.ID, "active")
	note("changed", up.Name, up.SizeSlug, up.Disk)

	note("detach", finished(must(client.StorageActions.DetachByDropletID(ctx, volume.ID, up.ID))))
	_, _, err = client.StorageActions.DetachByDropletID(ctx, volume.ID, up.ID)
	refused("detached twice", err)
	done(client.Droplets.Delete(ctx, up.ID))
	note("gone", droplet(up.ID, "archive") == nil)
	note("firewall is left", must(client.Firewalls.Get(ctx, firewall.ID)).DropletIDs)
	done(client.Firewalls.Delete(ctx, firewall.ID))
	done(client.Storage.DeleteVolume(ctx, volume.ID))
	done(client.Projects.Delete(ctx, project.ID))
	done(client.Keys.DeleteByID(ctx, key.ID))
}

func firewallOf(id int) *godo.Firewall {
	everyone := []string{"0.0.0.0/0", "::/0"}
	request := &godo.FirewallRequest{
		Name: "fw", DropletIDs: []int{id},
		InboundRules: []godo.InboundRule{
			{Protocol: "tcp", PortRange: "25", Sources: &godo.Sources{Addresses: everyone}},
			{Protocol: "icmp", Sources: &godo.Sources{Addresses: everyone}},
		},
		OutboundRules: []godo.OutboundRule{
			{Protocol: "udp", PortRange: "all", Destinations: &godo.Destinations{Addresses: everyone}},
		},
	}
	made := must(client.Firewalls.Create(ctx, request))
	_, _, err := client.Firewalls.Create(ctx, request)
	refused("firewall twice", err)
	request.InboundRules = request.InboundRules[:1]
	made = must(client.Firewalls.Update(ctx, made.ID, request))
	in, out := made.InboundRules[0], made.OutboundRules[0]
	note("rules", in.PortRange, in.Sources.Addresses, out.PortRange, made.DropletIDs[0] == id)
	return made
}
