package gateway

import (
	"strconv"

	"github.com/bbbpool/bbbpool/api/problems"
)

// paramProblems tells which settings for parameters may not do what was meant. They are taken as they are all the same.
func (g *Gateway) paramProblems() (list []problems.Problem) {
	for i, text := range g.tenants.Config.Params.Warnings() {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "params"}, Logged: true,
			Name: "params-" + strconv.Itoa(i+1), Text: text,
		})
	}
	return list
}
